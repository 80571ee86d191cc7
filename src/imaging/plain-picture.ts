import sharp from 'sharp';

import type { Size } from './geometry';

/**
 * A picture of one colour, as a file.
 * @param colour such as `#ffffff`
 */
export function plainPicture({ width, height }: Size, colour: string): Promise<Buffer> {
  const create = { width, height, channels: 3, background: colour } as const;
  return sharp({ create }).png().toBuffer();
}
