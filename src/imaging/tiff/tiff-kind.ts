import { unsupportedKind } from '../image-errors';
import type { ExtraSamples } from '../samples-to-rgb';
import type { TiffDirectory } from './tiff-directory';
import type { TiffLayout } from './tiff-layout';
import {
  COMPRESSION,
  EXTRA,
  KNOWN_COMPRESSIONS,
  OTHER_COMPRESSIONS,
  OTHER_PHOTOMETRICS,
  PHOTOMETRIC,
  RAW_PHOTOMETRICS,
  SAMPLE_FORMATS,
  TAG,
} from './tiff-tags';

const REDUCED_PICTURE = 1;
const ALL_BITS = [1, 2, 4, 8, 16];
const WHOLE_BYTES = [8, 16];

/** Samples that are colour, and the bits they may have, by colour model. */
const MODELS: ReadonlyMap<number, { readonly colours: number; readonly bits: readonly number[] }> =
  new Map([
    [PHOTOMETRIC.minIsWhite, { colours: 1, bits: ALL_BITS }],
    [PHOTOMETRIC.minIsBlack, { colours: 1, bits: ALL_BITS }],
    [PHOTOMETRIC.rgb, { colours: 3, bits: WHOLE_BYTES }],
    [PHOTOMETRIC.palette, { colours: 1, bits: [1, 2, 4, 8] }],
    [PHOTOMETRIC.separated, { colours: 4, bits: WHOLE_BYTES }],
    [PHOTOMETRIC.yCbCr, { colours: 3, bits: [8] }],
  ]);

/**
 * Which samples of the picture are meant, as libvips takes every sample behind the colours for alpha.
 * @returns undefined where libvips is right
 * @throws ServingError UNSUPPORTED_IMAGE_FORMAT for what libvips would decode to something else, or
 *   not at all
 */
export function samplesMeant(
  directory: TiffDirectory,
  layout: TiffLayout,
): ExtraSamples | undefined {
  requireFinishedPicture(directory);
  requireCodec(layout);
  requireWholeNumbers(directory, layout);
  const photometric = directory.number(TAG.photometric);
  if (photometric === undefined) throw refused('does not say its colour model');
  const model = MODELS.get(photometric);
  if (model === undefined) {
    const name = OTHER_PHOTOMETRICS.get(photometric) ?? `PhotometricInterpretation ${photometric}`;
    throw refused(`is ${name}, which is not read`, 'save it as RGB or grey');
  }
  if (photometric === PHOTOMETRIC.yCbCr && layout.compression !== COMPRESSION.jpeg) {
    throw refused('is YCbCr without JPEG compression, which is not read', 'save it as RGB');
  }
  if (photometric === PHOTOMETRIC.separated && (directory.number(TAG.inkSet) ?? 1) !== 1) {
    throw refused('has inks other than CMYK, which are not read', 'save it as RGB');
  }
  const extra = layout.samples - model.colours;
  if (extra < 0) throw refused(`has ${layout.samples} samples per pixel, too few for its colours`);
  if (
    !(extra > 0 ? WHOLE_BYTES : ALL_BITS).includes(layout.bits) ||
    !model.bits.includes(layout.bits)
  ) {
    throw refused(`has ${layout.bits} bits per sample, which are not read`, 'save it with 8');
  }
  return extra === 0 ? undefined : extraSamples(directory, photometric, model.colours, extra);
}

/** @throws ServingError UNSUPPORTED_IMAGE_FORMAT for files of cameras, whose first picture is a preview */
function requireFinishedPicture(directory: TiffDirectory): void {
  const preview =
    ((directory.number(TAG.newSubfileType) ?? 0) & REDUCED_PICTURE) !== 0 &&
    directory.has(TAG.subDirectories);
  const raw = RAW_PHOTOMETRICS.includes(directory.number(TAG.photometric) ?? -1);
  if (!preview && !raw && !directory.has(TAG.dngVersion)) return;
  throw refused(
    'is a camera raw file or begins with a preview',
    'develop it into JPEG or PNG first',
  );
}

function requireCodec({ compression, separate, tiled }: TiffLayout): void {
  if (!KNOWN_COMPRESSIONS.includes(compression)) {
    const name = OTHER_COMPRESSIONS.get(compression) ?? `number ${compression}`;
    throw refused(
      `has the compression ${name}, which is not read`,
      'save it with LZW, Deflate, JPEG or no compression',
    );
  }
  if (separate && tiled) {
    throw refused(
      'has tiles with a plane for each sample, which are not read',
      'save it with interleaved samples (PlanarConfiguration 1) or in strips',
    );
  }
}

function requireWholeNumbers(directory: TiffDirectory, { samples, bits }: TiffLayout): void {
  const most = Math.max(samples, 1);
  const format = directory.numbers(TAG.sampleFormat, most).find((value) => value !== 1);
  if (format !== undefined) {
    const name = SAMPLE_FORMATS.get(format) ?? 'unknown';
    throw refused(`has ${name} samples (SampleFormat ${format}), which are not read`, ADVICE_8_BIT);
  }
  if (directory.numbers(TAG.bitsPerSample, most).some((value) => value !== bits)) {
    throw refused('has samples of different numbers of bits, which are not read', ADVICE_8_BIT);
  }
  if (bits > 16) {
    throw refused(`has samples of ${bits} bits, which are not read`, ADVICE_8_BIT);
  }
}

const ADVICE_8_BIT = 'save it with 8 or 16 bits per sample, unsigned';

/** What stands behind the colours, by the tag ExtraSamples. */
function extraSamples(
  directory: TiffDirectory,
  photometric: number,
  colours: number,
  extra: number,
): ExtraSamples | undefined {
  const kinds = directory.numbers(TAG.extraSamples, extra);
  const where = `ExtraSamples ${kinds.length === 0 ? 'is missing' : kinds.join(', ')}`;
  if (photometric === PHOTOMETRIC.palette || (colours === 1 && extra > 1)) {
    throw refused(
      `has ${colours + extra} samples per pixel where its colour model has ${colours} (${where}): which of them to show is not said`,
      'save three of them as RGB, or one as grey',
    );
  }
  const isCmyk = photometric === PHOTOMETRIC.separated;
  if (kinds.includes(EXTRA.associatedAlpha) && (extra > 1 || isCmyk)) {
    throw refused(
      `has premultiplied alpha beside other samples (${where}), which is not read`,
      'save it without the other samples',
    );
  }
  const alpha = kinds.indexOf(EXTRA.alpha);
  // PIL takes for alpha what nothing is said about, as libvips does.
  if (extra === 1 && kinds.length === 0) return isCmyk ? { alpha: 0 } : undefined;
  if (extra === 1 && kinds[0] !== EXTRA.unspecified && !isCmyk) return undefined;
  return alpha < 0 ? {} : { alpha };
}

function refused(what: string, advice?: string): Error {
  return unsupportedKind('tiff', what, advice);
}
