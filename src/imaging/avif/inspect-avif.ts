import { unsupportedKind } from '../image-errors';
import { mainPicture, type AvifPicture } from './avif-items';
import { boxContent } from './boxes';
import { av1Colours } from './sequence-header';

const BRAND_AT = 8;
const BRAND = 'avif';
const MONOCHROME = 0x10;
const NCLX_BYTES = 11;
const FULL_RANGE = 0x80;

/** What libvips does not do by itself. */
export interface AvifFacts {
  /** The file; a copy where its first brand is one that libvips does not know. */
  readonly bytes: Uint8Array;
  /** Whether it is grey and of limited range, which libheif hands out without expanding it. */
  readonly limitedGrey: boolean;
}

/** @throws ServingError UNSUPPORTED_IMAGE_FORMAT for a film without a still picture */
export function inspectAvif(file: Buffer): AvifFacts {
  const picture = mainPicture(file);
  if (picture === undefined && boxContent(file, 'moov') !== undefined) {
    throw unsupportedKind(
      'avif',
      'is a film without a still picture',
      'save its first picture as AVIF, JPEG or PNG',
    );
  }
  return {
    bytes: withKnownBrand(file),
    // Where there is none the file is damaged, and libheif says what is missing.
    limitedGrey: picture !== undefined && isLimitedGrey(picture),
  };
}

/** Animated files and those of other brands hold the picture all the same. */
function withKnownBrand(file: Buffer): Buffer {
  if (file.toString('latin1', BRAND_AT, BRAND_AT + BRAND.length) === BRAND) return file;
  const copy = Buffer.from(file);
  copy.write(BRAND, BRAND_AT, 'latin1');
  return copy;
}

/** The range stands in the container, or else in the AV1 data, with which a still picture begins. */
function isLimitedGrey({ properties, data }: AvifPicture): boolean {
  const configuration = properties.find(({ type }) => type === 'av1C')?.content;
  if (((configuration?.[2] ?? 0) & MONOCHROME) === 0) return false;
  for (const { type, content } of properties) {
    if (type !== 'colr' || content.toString('latin1', 0, 4) !== 'nclx') continue;
    if (content.length >= NCLX_BYTES) return ((content[NCLX_BYTES - 1] ?? 0) & FULL_RANGE) === 0;
  }
  return av1Colours(data)?.fullRange === false;
}
