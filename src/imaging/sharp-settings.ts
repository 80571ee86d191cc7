import sharp from 'sharp';

/**
 * Settings of libvips for the whole process. One thread an image: a server has many images at
 * once, and splitting each over all cores only adds switching. No operation cache: no two requests
 * bring the same pixels, so it would hold memory for nothing.
 */
export function configureSharp(options: { readonly concurrency: number }): void {
  sharp.cache(false);
  sharp.concurrency(options.concurrency);
}
