/** Paths in the clone that scripts/bundle.mjs writes; without esbuild, so that set-up can look first. */
export const BUNDLED = { client: 'dist/client.min.mjs' };

/** Every file that has to be there. */
export const BUNDLED_FILES = [BUNDLED.client];
