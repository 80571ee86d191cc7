import sharp from 'sharp';

import { withAdobeSegment } from '../../../src/imaging/adobe-segment';
import { jpegSegments } from '../../../src/imaging/jpeg-segments';
import { openImage } from '../../../src/imaging/open-image';
import { preprocessImage } from '../../../src/imaging/preprocess';
import { toRgbSteps } from '../../../src/imaging/samples-to-rgb';
import { TAG } from '../../../src/imaging/tiff/tiff-tags';
import { AS_IS, decodedAsIs, LIMITS } from '../../support/decoding';
import { card, CARD_COLORS, cardPixels, expectColors } from '../../support/pictures';
import { tiffFile } from '../../support/tiff-file';

const APP14 = 0xee;
const APP2 = 0xe2;

/** Inks of the test card with as much black as there can be, as print files hold them. */
function inks(width: number, height: number): Buffer {
  const rgb = cardPixels(width, height);
  const pixels = Buffer.alloc(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [r = 0, g = 0, b = 0] = rgb.subarray(pixel * 3, pixel * 3 + 3);
    const black = 255 - Math.max(r, g, b);
    const light = 255 - black;
    const ink = (level: number): number => Math.round(((light - level) * 255) / light);
    pixels.set([ink(r), ink(g), ink(b), black], pixel * 4);
  }
  return pixels;
}

/** A CMYK JPEG without a profile: sharp takes inks from a file only, and puts a profile of its own in. */
async function cmykJpeg(width = 64, height = 48): Promise<Buffer> {
  const tags = {
    [TAG.imageWidth]: width,
    [TAG.imageLength]: height,
    [TAG.bitsPerSample]: [8, 8, 8, 8],
    [TAG.compression]: 1,
    [TAG.photometric]: 5,
    [TAG.samplesPerPixel]: 4,
    [TAG.rowsPerStrip]: height,
  };
  const file = await sharp(tiffFile({ tags, chunks: [inks(width, height)] }))
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer();
  return without(file, APP2);
}

/** The JPEG without its segments of one kind. */
function without(file: Buffer, marker: number): Buffer {
  const cut = [...jpegSegments(file)].filter((segment) => segment.marker === marker).reverse();
  return cut.reduce(
    (rest, { start, end }) => Buffer.concat([rest.subarray(0, start - 4), rest.subarray(end)]),
    file,
  );
}

test('a CMYK JPEG becomes RGB by light × (255 − ink) / 255, as PIL and tf.image do it', async () => {
  const file = await cmykJpeg();
  expect(await sharp(file).metadata()).toMatchObject({ space: 'cmyk', hasProfile: false });

  expectColors((await decodedAsIs(file)).colors, CARD_COLORS, 2);
});

test('a CMYK JPEG without Adobe’s segment is read the same way round', async () => {
  const plain = without(await cmykJpeg(), APP14);
  expect([...jpegSegments(plain)].some(({ marker }) => marker === APP14)).toBe(false);

  expectColors((await decodedAsIs(plain)).colors, CARD_COLORS, 2);
});

test('other JPEGs get no segment, and those that have one no second', async () => {
  const rgb = await card().jpeg().toBuffer();
  const cmyk = await cmykJpeg();

  expect(withAdobeSegment(rgb)).toBe(rgb);
  expect(withAdobeSegment(cmyk)).toBe(cmyk);
});

test('a profile is used with applyIcc and not without', async () => {
  const file = await card()
    .withIccProfile('cmyk')
    .toColourspace('cmyk')
    .jpeg({ quality: 95 })
    .toBuffer();
  expect(await sharp(file).metadata()).toMatchObject({ space: 'cmyk', hasProfile: true });

  const plain = await decodedAsIs(file);
  const managed = await decodedAsIs(file, { ...LIMITS, applyIcc: true });
  const again = await decodedAsIs(without(file, APP2), { ...LIMITS, applyIcc: true });

  // What a printing press can show of the card's colours.
  expectColors(managed.colors, CARD_COLORS, 90);
  expect(plain.colors).not.toEqual(managed.colors);
  expectColors(again.colors, plain.colors, 0);
});

test('a CMYK picture is shrunk as others are, and counts for what it takes', async () => {
  const file = await cmykJpeg(200, 150);
  const size = { kind: 'fixed', width: 20, height: 15 } as const;

  const { data } = await preprocessImage(file, { ...AS_IS, size }, LIMITS);
  const { decodingBytes } = await openImage(file, LIMITS);

  const at = (x: number, y: number): number[] =>
    Array.from(data.subarray((y * 20 + x) * 3).subarray(0, 3));
  expectColors([at(5, 3), at(15, 3), at(5, 11), at(15, 11)], CARD_COLORS, 3);
  expect(decodingBytes).toBeGreaterThanOrEqual(200 * 150 * 4);
});

test.each([
  [
    [0, 0, 0, 0],
    [255, 255, 255],
  ],
  [
    [255, 0, 0, 0],
    [0, 255, 255],
  ],
  [
    [0, 0, 0, 255],
    [0, 0, 0],
  ],
  [
    [255, 255, 255, 255],
    [0, 0, 0],
  ],
  [
    [128, 64, 32, 0],
    [127, 191, 223],
  ],
  [
    [128, 64, 32, 100],
    [77, 116, 136],
  ],
])('inks %j are %j', (samples, expected) => {
  const steps = toRgbSteps(Uint8Array.from(samples), 4, {
    cmyk: true,
    sampleBytes: 1,
    extra: {},
    limitedRange: false,
  });
  let step = steps.next();
  while (step.done !== true) step = steps.next();

  expect(Array.from(step.value.data)).toEqual(expected);
});
