import type { ImageFormat } from './sniff';

/** What the first bytes of an image say of it. */
export interface ImageHeader {
  readonly format: ImageFormat;
  /** Pixels, as the image is shown: after its EXIF orientation. */
  readonly width: number;
  readonly height: number;
}
