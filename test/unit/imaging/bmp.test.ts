import fc from 'fast-check';

import { readBmpHeader } from '../../../src/imaging/bmp/bmp-header';
import { openImage, readImageHeader } from '../../../src/imaging/open-image';
import { preprocessImage } from '../../../src/imaging/preprocess';
import { bmpFile, bmpOf, bmpRows, type BmpParts } from '../../support/bmp-file';
import { AS_IS, decodedAsIs, LIMITS } from '../../support/decoding';
import { CARD_COLORS, cardPixels, expectColors } from '../../support/pictures';

const [WIDTH, HEIGHT] = [6, 4];

/** For each row, what `bytes` makes of the quarter that a pixel is in: 0 to 3. */
function cardRows(bytes: (quarter: number) => readonly number[]): number[][] {
  return Array.from({ length: HEIGHT }, (_row, y) =>
    Array.from({ length: WIDTH }, (_, x) => [
      ...bytes((y < HEIGHT / 2 ? 0 : 2) + (x < WIDTH / 2 ? 0 : 1)),
    ]).flat(),
  );
}

const color = (quarter: number): readonly number[] => CARD_COLORS[quarter] ?? [];
const bgr = (quarter: number): number[] => color(quarter).toReversed();
/** A pixel of 16 bits by the masks of red, green and blue. */
const packed = (quarter: number, bits: readonly number[]): number[] => {
  const value = color(quarter).reduce(
    (sum, level, i) => sum * 2 ** (bits[i] ?? 0) + (level >> (8 - (bits[i] ?? 0))),
    0,
  );
  return [value & 255, value >> 8];
};
const nibbles = (rows: number[][]): number[][] =>
  rows.map((row) =>
    Array.from(
      { length: row.length / 2 },
      (_, i) => (row[2 * i] ?? 0) * 16 + (row[2 * i + 1] ?? 0),
    ),
  );
const SIZE = { width: WIDTH, height: HEIGHT };
const INDICES = cardRows((quarter) => [quarter]);
const PALETTE = CARD_COLORS;

describe('what is read', () => {
  test.each<[string, number, BmpParts]>([
    ['24 bits', 0, { ...SIZE, bits: 24, pixels: bmpRows(cardRows(bgr)) }],
    [
      '24 bits from the top to the bottom',
      0,
      { ...SIZE, height: -HEIGHT, bits: 24, pixels: bmpRows(cardRows(bgr), false) },
    ],
    ['24 bits of OS/2', 0, { ...SIZE, bits: 24, headerBytes: 12, pixels: bmpRows(cardRows(bgr)) }],
    [
      '24 bits with the header of version 5 and a gap before the pixels',
      0,
      { ...SIZE, bits: 24, headerBytes: 124, gap: 9, pixels: bmpRows(cardRows(bgr)) },
    ],
    [
      '32 bits, the fourth byte of no use',
      0,
      { ...SIZE, bits: 32, pixels: bmpRows(cardRows((q) => [...bgr(q), 99])) },
    ],
    [
      '32 bits by masks, red first',
      0,
      {
        ...SIZE,
        bits: 32,
        compression: 3,
        masks: [0xff, 0xff00, 0xff0000],
        pixels: bmpRows(cardRows((q) => [...color(q), 0])),
      },
    ],
    [
      '32 bits with alpha announced and 0 everywhere',
      0,
      {
        ...SIZE,
        bits: 32,
        headerBytes: 124,
        compression: 3,
        masks: [0xff0000, 0xff00, 0xff, 0xff000000],
        pixels: bmpRows(cardRows((q) => [...bgr(q), 0])),
      },
    ],
    [
      '32 bits of 10 for each colour',
      1,
      {
        ...SIZE,
        bits: 32,
        compression: 3,
        masks: [0x3ff00000, 0xffc00, 0x3ff],
        pixels: bmpRows(
          cardRows((q) => {
            const [r = 0, g = 0, b = 0] = color(q).map((level) => level * 4 + 3);
            const value = Buffer.alloc(4);
            value.writeUInt32LE(r * 2 ** 20 + g * 2 ** 10 + b);
            return [...value];
          }),
        ),
      },
    ],
    ['16 bits', 8, { ...SIZE, bits: 16, pixels: bmpRows(cardRows((q) => packed(q, [5, 5, 5]))) }],
    [
      '16 bits by masks',
      8,
      {
        ...SIZE,
        bits: 16,
        compression: 3,
        masks: [0xf800, 0x7e0, 0x1f],
        pixels: bmpRows(cardRows((q) => packed(q, [5, 6, 5]))),
      },
    ],
    ['8 bits', 0, { ...SIZE, bits: 8, palette: PALETTE, pixels: bmpRows(INDICES) }],
    [
      '8 bits of OS/2, whose palette is full',
      0,
      {
        ...SIZE,
        bits: 8,
        headerBytes: 12,
        palette: Array.from({ length: 256 }, (_, i) => PALETTE[i] ?? [0, 0, 0]),
        pixels: bmpRows(INDICES),
      },
    ],
    ['4 bits', 0, { ...SIZE, bits: 4, palette: PALETTE, pixels: bmpRows(nibbles(INDICES)) }],
    [
      '2 bits',
      0,
      {
        ...SIZE,
        bits: 2,
        palette: PALETTE,
        pixels: bmpRows([
          [0b00_00_00_01, 0b01_01_00_00],
          [0b00_00_00_01, 0b01_01_00_00],
          [0b10_10_10_11, 0b11_11_00_00],
          [0b10_10_10_11, 0b11_11_00_00],
        ]),
      },
    ],
    [
      '8 bits with RLE: runs, single pixels and ends of rows',
      0,
      {
        ...SIZE,
        bits: 8,
        compression: 1,
        palette: PALETTE,
        pixels: Buffer.from([
          ...[3, 2, 3, 3, 0, 0],
          ...[0, 6, 2, 2, 2, 3, 3, 3, 0, 0],
          ...[0, 3, 0, 0, 0, 0, 3, 1, 0, 0],
          ...[3, 0, 3, 1, 0, 1],
        ]),
      },
    ],
    [
      '8 bits with RLE: a move',
      0,
      {
        ...SIZE,
        bits: 8,
        compression: 1,
        palette: PALETTE,
        pixels: Buffer.from([
          ...[3, 2, 3, 3, 0, 0, 3, 2, 3, 3, 0, 0],
          ...[0, 2, 3, 0, 3, 1, 0, 0, 0, 2, 3, 0, 3, 1, 0, 1],
        ]),
      },
    ],
    [
      '4 bits with RLE',
      0,
      {
        ...SIZE,
        bits: 4,
        compression: 2,
        palette: PALETTE,
        pixels: Buffer.from([
          ...[3, 0x22, 3, 0x33, 0, 0],
          ...[0, 6, 0x22, 0x23, 0x33, 0, 0, 0],
          ...[3, 0x00, 3, 0x11, 0, 0],
          ...[3, 0x00, 3, 0x11, 0, 1],
        ]),
      },
    ],
  ])('%s', async (_what, tolerance, parts) => {
    const file = bmpFile(parts);

    const { width, height, colors } = await decodedAsIs(file);

    expect([width, height]).toEqual([WIDTH, HEIGHT]);
    expectColors(colors, CARD_COLORS, tolerance);
  });

  test('1 bit a pixel, rows filled up to four bytes', async () => {
    const file = bmpFile({
      width: 10,
      height: 2,
      bits: 1,
      palette: [
        [10, 20, 30],
        [200, 210, 220],
      ],
      pixels: bmpRows([
        [0b0101_0101, 0b0100_0000],
        [0b1010_1010, 0b1000_0000],
      ]),
    });

    const { data } = await decodedAsIs(file);

    const dark = [10, 20, 30];
    const light = [200, 210, 220];
    const row = (first: number[], second: number[]): number[] =>
      Array.from({ length: 5 }, () => [...first, ...second]).flat();
    expect(Array.from(data)).toEqual([...row(dark, light), ...row(light, dark)]);
  });

  test('alpha is laid on the background', async () => {
    const rows = cardRows((quarter) => [...bgr(quarter), quarter === 0 ? 255 : 0]);
    const masks = [0xff0000, 0xff00, 0xff, 0xff000000];
    const file = bmpFile({
      ...SIZE,
      bits: 32,
      headerBytes: 108,
      compression: 3,
      masks,
      pixels: bmpRows(rows),
    });

    const { colors } = await decodedAsIs(file, { ...LIMITS, background: '#ff8040' });

    expectColors(colors, [color(0), [255, 128, 64], [255, 128, 64], [255, 128, 64]], 0);
  });

  test('the last row may lack what fills it up', async () => {
    const file = bmpOf(cardPixels(7, 5), 7, 5);

    expect(await readImageHeader(file.subarray(0, -3), LIMITS)).toEqual({
      format: 'bmp',
      width: 7,
      height: 5,
    });
    await expect(readImageHeader(file.subarray(0, -4), LIMITS)).rejects.toMatchObject({
      message: expect.stringMatching(
        /damaged or incomplete: it is cut off, its pixels end at byte/,
      ),
    });
  });
});

describe('what is refused', () => {
  const whole = { ...SIZE, bits: 8, palette: PALETTE, pixels: bmpRows(INDICES) };

  test.each<[string, RegExp, BmpParts]>([
    ['JPEG inside', /has the compression JPEG, which is not read; /, { ...whole, compression: 4 }],
    ['PNG inside', /has the compression PNG, which is not read; /, { ...whole, compression: 5 }],
    ['CMYK', /has the compression CMYK, which is not read; /, { ...whole, compression: 11 }],
    ['64 bits', /has 64 bits per pixel, which are not read; /, { ...whole, bits: 64 }],
  ])('%s by name', async (_what, message, parts) => {
    await expect(readImageHeader(bmpFile(parts), LIMITS)).rejects.toMatchObject({
      code: 'UNSUPPORTED_IMAGE_FORMAT',
      message: expect.stringMatching(message),
    });
  });

  test.each<[string, RegExp, BmpParts]>([
    [
      'an index without colour',
      /a pixel has the colour 3, and it has 3/,
      { ...whole, palette: PALETTE.slice(0, 3) },
    ],
    [
      'a palette that is cut off',
      /cut off/,
      { ...whole, bits: 4, palette: [], pixels: Buffer.alloc(0) },
    ],
    ['no width', /its header says 0×4 pixels/, { ...whole, width: 0 }],
    ['a negative width', /its header says -6×4 pixels/, { ...whole, width: -6 }],
    [
      'RLE that ends early',
      /compressed data end early/,
      { ...whole, compression: 1, pixels: Buffer.from([3, 1, 0, 0]) },
    ],
    [
      'masks of 0',
      /its colour masks are 0/,
      { ...whole, bits: 16, compression: 3, masks: [0, 0, 0] },
    ],
    [
      'a mask with holes',
      /its colour mask 5 is not one/,
      { ...whole, bits: 16, compression: 3, masks: [5, 0x7e0, 0x1f] },
    ],
  ])('%s as damage', async (_what, message, parts) => {
    await expect(preprocessImage(bmpFile(parts), AS_IS, LIMITS)).rejects.toMatchObject({
      code: 'UNDECODABLE_IMAGE',
      message: expect.stringMatching(message),
    });
  });

  test('too many pixels before any memory is taken', async () => {
    const size = { width: 8000, height: 8000 };
    const bomb = bmpFile({
      ...size,
      bits: 8,
      compression: 1,
      palette: PALETTE,
      pixels: Buffer.from([0, 1]),
    });

    await expect(openImage(bomb, LIMITS)).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    await expect(
      openImage(bomb, { ...LIMITS, maxPixels: 1e9, maxImageSide: 4000 }),
    ).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
    });
  });
});

describe('changed bytes', () => {
  const SOURCES = [
    bmpFile({ ...SIZE, bits: 8, palette: PALETTE, pixels: bmpRows(INDICES) }),
    bmpFile({
      ...SIZE,
      bits: 4,
      compression: 2,
      palette: PALETTE,
      pixels: Buffer.from([3, 0x22, 3, 0x33, 0, 1]),
    }),
    bmpFile({
      ...SIZE,
      bits: 32,
      compression: 3,
      masks: [0xff, 0xff00, 0xff0000],
      pixels: bmpRows(cardRows((q) => [...color(q), 0])),
    }),
    bmpFile({ ...SIZE, bits: 24, headerBytes: 12, pixels: bmpRows(cardRows(bgr)) }),
    bmpFile({
      ...SIZE,
      bits: 16,
      headerBytes: 56,
      compression: 6,
      masks: [0xf800, 0x7e0, 0x1f, 0],
      pixels: bmpRows(cardRows((q) => packed(q, [5, 6, 5]))),
    }),
  ];
  const CODES =
    /^(UNDECODABLE_IMAGE|UNSUPPORTED_IMAGE_FORMAT|IMAGE_TOO_LARGE|IMAGE_SIZE_NOT_ALLOWED)$/;
  const HEADER_SIZES = [12, 16, 40, 52, 56, 64, 108, 124];
  const changes = fc.array(
    fc.oneof(
      fc.tuple(fc.integer({ min: 10, max: 140 }), fc.integer({ min: 0, max: 255 })),
      fc.tuple(fc.constant(14), fc.constantFrom(...HEADER_SIZES)),
      fc.tuple(fc.constant(30), fc.integer({ min: 0, max: 7 })),
      fc.tuple(fc.constant(28), fc.constantFrom(1, 2, 4, 8, 16, 24, 32)),
    ),
    { minLength: 1, maxLength: 6 },
  );

  function changed(
    file: Buffer,
    list: readonly (readonly [number, number])[],
    cut: number,
  ): Buffer {
    const bytes = Buffer.from(file.subarray(0, Math.max(2, file.length - cut)));
    for (const [at, value] of list) if (at < bytes.length) bytes[at] = value;
    return bytes;
  }

  test('the header reader answers or refuses', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SOURCES), changes, fc.nat({ max: 90 }), (file, list, cut) => {
        try {
          const { width, height } = readBmpHeader(changed(file, list, cut));
          expect(Math.min(width, height)).toBeGreaterThan(0);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: expect.stringMatching(CODES) });
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('a picture or a client’s error comes of them, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...SOURCES),
        changes,
        fc.nat({ max: 20 }),
        async (file, list, cut) => {
          try {
            const { data, width, height } = await decodedAsIs(changed(file, list, cut), {
              ...LIMITS,
              maxPixels: 1e6,
            });
            expect(data).toHaveLength(width * height * 3);
          } catch (thrown) {
            expect(thrown).toMatchObject({
              code: expect.stringMatching(CODES),
            });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
