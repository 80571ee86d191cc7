import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

import fc from 'fast-check';
import sharp from 'sharp';

import { inspectTiff } from '../../../src/imaging/tiff/inspect-tiff';
import { TiffDirectory } from '../../../src/imaging/tiff/tiff-directory';
import { TAG } from '../../../src/imaging/tiff/tiff-tags';
import { openImage, readImageHeader } from '../../../src/imaging/open-image';
import { preprocessImage } from '../../../src/imaging/preprocess';
import { AS_IS, decodedAsIs, LIMITS } from '../../support/decoding';
import { card, CARD_COLORS, cardPixels, expectColors } from '../../support/pictures';
import { tiffFile, type TiffValue } from '../../support/tiff-file';

const [WIDTH, HEIGHT] = [64, 48];
const RGB = { photometric: 2, samples: 3 } as const;
const DEFLATE = 8;

interface Kind {
  readonly photometric: number;
  readonly samples: number;
  readonly bits?: number;
  readonly tags?: Readonly<Record<number, TiffValue>>;
  readonly bigEndian?: boolean;
  readonly big?: boolean;
}

function tagsOf({ photometric, samples, bits = 8, tags = {} }: Kind): Record<number, TiffValue> {
  return {
    [TAG.imageWidth]: WIDTH,
    [TAG.imageLength]: HEIGHT,
    [TAG.bitsPerSample]: Array.from({ length: samples }, () => bits),
    [TAG.compression]: 1,
    [TAG.photometric]: photometric,
    [TAG.samplesPerPixel]: samples,
    ...tags,
  };
}

/** In strips of 16 rows. @param pixels as they are stored */
function strips(pixels: Buffer, kind: Kind, pack = (bytes: Buffer): Buffer => bytes): Buffer {
  const rowBytes = pixels.length / HEIGHT;
  const chunks = [0, 16, 32].map((row) =>
    pack(pixels.subarray(row * rowBytes, (row + 16) * rowBytes)),
  );
  const tags = { [TAG.rowsPerStrip]: 16, ...tagsOf(kind) };
  return tiffFile({ ...kind, tags, chunks });
}

/** In tiles of 32 × 32, which reach over the lower edge. */
function tiles(pixels: Buffer, kind: Kind, pack = (bytes: Buffer): Buffer => bytes): Buffer {
  const pixelBytes = pixels.length / (WIDTH * HEIGHT);
  const chunks = [0, 32].flatMap((top) =>
    [0, 32].map((left) => {
      const tile = Buffer.alloc(32 * 32 * pixelBytes);
      for (let row = 0; row < Math.min(32, HEIGHT - top); row++) {
        const from = ((top + row) * WIDTH + left) * pixelBytes;
        pixels.copy(tile, row * 32 * pixelBytes, from, from + 32 * pixelBytes);
      }
      return pack(tile);
    }),
  );
  const tags = { [TAG.tileWidth]: 32, [TAG.tileLength]: 32, ...tagsOf(kind) };
  return tiffFile({ ...kind, tags, chunks, tiled: true });
}

const LAYOUTS = [
  ['strips', strips],
  ['tiles', tiles],
] as const;

/** Interleaved samples of a picture's pixels: of each what `samples` makes of its red, green and blue. */
function pixelsBy(samples: (rgb: readonly number[]) => readonly number[]): Buffer {
  const rgb = cardPixels(WIDTH, HEIGHT);
  return Buffer.from(
    Array.from({ length: WIDTH * HEIGHT }, (_, pixel) => [
      ...samples(Array.from(rgb.subarray(pixel * 3, pixel * 3 + 3))),
    ]).flat(),
  );
}

const CARD = cardPixels(WIDTH, HEIGHT);
const deflate = (bytes: Buffer): Buffer => deflateSync(bytes);
const compressed = { tags: { [TAG.compression]: DEFLATE } };

describe.each(LAYOUTS)('what is read, in %s', (_layout, store) => {
  test.each([
    ['RGB', CARD, RGB],
    ['RGB of big-endian files', CARD, { ...RGB, bigEndian: true }],
    ['RGB of a BigTIFF', CARD, { ...RGB, big: true }],
    ['RGB of a big-endian BigTIFF', CARD, { ...RGB, big: true, bigEndian: true }],
    [
      'RGB beside infrared',
      pixelsBy((rgb) => [...rgb, 9]),
      { ...RGB, samples: 4, tags: { [TAG.extraSamples]: 0 } },
    ],
    [
      'RGB beside a mask of zeros',
      pixelsBy((rgb) => [...rgb, 0]),
      { ...RGB, samples: 4, tags: { [TAG.extraSamples]: 0 } },
    ],
    [
      'RGB beside two bands',
      pixelsBy((rgb) => [...rgb, 9, 99]),
      { ...RGB, samples: 5, tags: { [TAG.extraSamples]: [0, 0] } },
    ],
    [
      'RGB beside two bands that nothing is said of',
      pixelsBy((rgb) => [...rgb, 9, 99]),
      { ...RGB, samples: 5 },
    ],
    [
      'CMYK',
      pixelsBy(([r = 0, g = 0, b = 0]) => [255 - r, 255 - g, 255 - b, 0]),
      { photometric: 5, samples: 4 },
    ],
    [
      'CMYK beside a spot colour',
      pixelsBy(([r = 0, g = 0, b = 0]) => [255 - r, 255 - g, 255 - b, 0, 77]),
      { photometric: 5, samples: 5, tags: { [TAG.extraSamples]: 0 } },
    ],
    [
      'RGB of 16 bits beside infrared',
      pixelsBy((rgb) => [...rgb, 9].flatMap((level) => [7, level])),
      { ...RGB, samples: 4, bits: 16, tags: { [TAG.extraSamples]: 0 } },
    ],
    [
      'CMYK of 16 bits',
      pixelsBy(([r = 0, g = 0, b = 0]) => [7, 255 - r, 7, 255 - g, 7, 255 - b, 0, 0]),
      { photometric: 5, samples: 4, bits: 16 },
    ],
  ])('%s', async (_what, pixels, kind) => {
    const { width, height, colors } = await decodedAsIs(store(pixels, kind));

    expect([width, height]).toEqual([WIDTH, HEIGHT]);
    expectColors(colors, CARD_COLORS, 0);
  });

  test('alpha is laid on the background wherever it stands', async () => {
    const clear = CARD_COLORS.map(() => [255, 128, 64]);
    const limits = { ...LIMITS, background: '#ff8040' };
    for (const [samples, extra] of [
      [[0], 2],
      [
        [99, 0],
        [0, 2],
      ],
      [
        [0, 99],
        [2, 0],
      ],
    ] as const) {
      const kind = {
        ...RGB,
        samples: 3 + samples.length,
        tags: { [TAG.extraSamples]: extra as TiffValue },
      };
      const { colors } = await decodedAsIs(
        store(
          pixelsBy((rgb) => [...rgb, ...samples]),
          kind,
        ),
        limits,
      );
      expectColors(colors, clear, 1);
    }
  });

  test('grey beside a band is grey', async () => {
    const file = store(
      pixelsBy(([r = 0]) => [r, 0]),
      { photometric: 1, samples: 2, tags: { [TAG.extraSamples]: 0 } },
    );

    const { colors } = await decodedAsIs(file);

    expectColors(
      colors,
      CARD_COLORS.map(([r]) => [r, r, r]),
      0,
    );
  });

  test('what begins with white is turned', async () => {
    const { colors } = await decodedAsIs(
      store(
        pixelsBy(([r = 0]) => [255 - r]),
        { photometric: 0, samples: 1 },
      ),
    );

    expectColors(
      colors,
      CARD_COLORS.map(([r]) => [r, r, r]),
      0,
    );
  });

  test('Deflate, with tags of geographic programs and of none', async () => {
    const tags = {
      ...compressed.tags,
      33550: Buffer.alloc(24),
      42113: Buffer.from('-9999'),
      65000: 7,
    };

    const { colors } = await decodedAsIs(store(CARD, { ...RGB, tags }, deflate));

    expectColors(colors, CARD_COLORS, 0);
  });

  test.each([
    ['compression ZSTD', { [TAG.compression]: 50000 }],
    ['compression LZMA', { [TAG.compression]: 34925 }],
    ['compression LERC', { [TAG.compression]: 34887 }],
    ['compression JPEG 2000', { [TAG.compression]: 33005 }],
    ['compression JPEG XL', { [TAG.compression]: 50002 }],
    [String.raw`compression JPEG \(old style\)`, { [TAG.compression]: 6 }],
    ['compression number 4711', { [TAG.compression]: 4711 }],
    [String.raw`floating-point samples \(SampleFormat 3\)`, { [TAG.sampleFormat]: [3, 3, 3] }],
    [String.raw`signed samples \(SampleFormat 2\)`, { [TAG.sampleFormat]: [1, 1, 2] }],
    ['samples of 32 bits', { [TAG.bitsPerSample]: [32, 32, 32] }],
    ['samples of different numbers of bits', { [TAG.bitsPerSample]: [5, 6, 5] }],
    ['YCbCr without JPEG', { [TAG.photometric]: 6 }],
    [String.raw`CIE L\*a\*b\*`, { [TAG.photometric]: 8 }],
    ['camera raw', { [TAG.photometric]: 32803 }],
    ['camera raw', { [TAG.dngVersion]: 1 }],
    ['3 samples per pixel where its colour model has 1', { [TAG.photometric]: 1 }],
    ['too few for its colours', { [TAG.photometric]: 5 }],
    ['inks other than CMYK', { [TAG.photometric]: 5, [TAG.samplesPerPixel]: 4, [TAG.inkSet]: 2 }],
  ])('refused by name: %s', async (name, tags) => {
    await expect(readImageHeader(store(CARD, { ...RGB, tags }), LIMITS)).rejects.toMatchObject({
      code: 'UNSUPPORTED_IMAGE_FORMAT',
      message: expect.stringMatching(new RegExp(`^The TIFF file .*${name}.*; \\w+ .* `)),
    });
  });

  test('cut off anywhere is an error, never half a picture', async () => {
    const whole = store(CARD, RGB);
    for (const part of [0.2, 0.5, 0.9, 0.99]) {
      const cut = directoryFirst(whole).subarray(0, Math.floor((whole.length * 2 - 8) * part));
      await expect(preprocessImage(cut, AS_IS, LIMITS)).rejects.toMatchObject({
        code: 'UNDECODABLE_IMAGE',
        message: expect.stringMatching(/^The TIFF file is damaged or incomplete: it/),
      });
    }
  });

  test('Deflate of which a strip or tile is overwritten is refused', async () => {
    const file = store(CARD, { ...RGB, ...compressed }, deflate);
    const second = file.indexOf(Buffer.from([0x78, 0x9c]), 20);

    for (const bytes of [20, 4, 2]) {
      const broken = Buffer.from(file);
      broken.fill(0x55, second, second + bytes);
      await expect(preprocessImage(broken, AS_IS, LIMITS)).rejects.toMatchObject({
        code: 'UNDECODABLE_IMAGE',
        message: expect.stringMatching(/(strip|tile) 2 of [34] does not inflate/),
      });
    }
  });

  test('Deflate that holds more than it should is refused, and what holds just enough is not', async () => {
    const more = (bytes: Buffer): Buffer => deflateSync(Buffer.concat([bytes, Buffer.from([1])]));

    await expect(
      preprocessImage(store(CARD, { ...RGB, ...compressed }, more), AS_IS, LIMITS),
    ).rejects.toMatchObject({
      code: 'UNDECODABLE_IMAGE',
      message: expect.stringMatching(/does not inflate: it holds more than its \d+ bytes/),
    });
    await expect(
      preprocessImage(store(CARD, { ...RGB, ...compressed }, deflate), AS_IS, LIMITS),
    ).resolves.toMatchObject({ width: WIDTH });
  });

  test('a strip or tile that is missing, as in sparse files, is not black', async () => {
    const file = Buffer.from(store(CARD, RGB));
    const offsets = store === tiles ? TAG.tileOffsets : TAG.stripOffsets;
    const list = valuesOf(file, offsets);
    file.writeUInt32LE(0, list + 4);

    await expect(readImageHeader(file, LIMITS)).rejects.toMatchObject({
      code: 'UNDECODABLE_IMAGE',
      message: expect.stringMatching(/2 of [34] is missing, as in sparse files/),
    });
  });
});

test.each(['lzw', 'jpeg'] as const)(
  'tiles of %s that are overwritten are refused, and whole ones read',
  async (compression) => {
    const noise = Buffer.from(
      Array.from({ length: 24 }, (_, i) => [
        ...createHash('sha512').update(String(i)).digest(),
      ]).flat(),
    );
    const pixels = Buffer.concat(Array.from({ length: 48 }, () => noise)).subarray(0, 128 * 96 * 3);
    const file = await sharp(pixels, { raw: { width: 128, height: 96, channels: 3 } })
      .tiff({ compression, tile: true, tileWidth: 32, tileHeight: 32, quality: 95 })
      .toBuffer();
    await expect(preprocessImage(file, AS_IS, LIMITS)).resolves.toMatchObject({ width: 128 });
    const directory = new TiffDirectory(file);
    const start = directory.number(TAG.tileOffsets, 5) ?? NaN;
    const length = directory.number(TAG.tileByteCounts, 5) ?? NaN;

    for (const from of [0, Math.floor(length / 2)]) {
      const broken = Buffer.from(file);
      broken.fill(0x55, start + from, start + length);
      await expect(preprocessImage(broken, AS_IS, LIMITS)).rejects.toMatchObject({
        code: 'UNDECODABLE_IMAGE',
      });
    }
  },
);

test('the colours of JPEG inside a TIFF are those put in', async () => {
  const file = await card().tiff({ compression: 'jpeg', quality: 95 }).toBuffer();

  expectColors((await decodedAsIs(file)).colors, CARD_COLORS, 4);
});

describe('limits', () => {
  const huge = (tags: Readonly<Record<number, TiffValue>>): Buffer =>
    tiffFile({
      tags: { ...tagsOf({ ...RGB, ...compressed }), ...tags },
      chunks: [deflateSync(Buffer.alloc(100))],
      tiled: TAG.tileWidth in tags,
    });

  test.each([
    [
      /tiles of the TIFF file have 60000×60000 pixels/,
      { [TAG.tileWidth]: 60_000, [TAG.tileLength]: 60_000 },
    ],
    [
      /strips of the TIFF file have \d+ bytes; 800000000 are allowed/,
      {
        [TAG.imageWidth]: 7000,
        [TAG.imageLength]: 7000,
        [TAG.samplesPerPixel]: 60,
        [TAG.bitsPerSample]: 8,
        [TAG.rowsPerStrip]: 7000,
      },
    ],
    [
      /20000×20000 = 400000000 pixels/,
      { [TAG.imageWidth]: 20_000, [TAG.imageLength]: 20_000, [TAG.bitsPerSample]: [8, 8, 8] },
    ],
  ])('what would decode to too much is refused first: %s', async (message, tags) => {
    await expect(openImage(huge(tags), LIMITS)).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      message: expect.stringMatching(message),
    });
  });

  test('tiles that reach over the edge count for what decoding takes', async () => {
    const wide = {
      [TAG.imageWidth]: 2048,
      [TAG.imageLength]: 2048,
      [TAG.tileWidth]: 4096,
      [TAG.tileLength]: 4096,
    };

    const { decodingBytes } = await openImage(huge(wide), LIMITS);

    expect(decodingBytes).toBe(4096 * 4096 * 3);
  });
});

test('tiles that libvips finds too large for their picture are not called damaged', async () => {
  const file = await card(16, 16)
    .tiff({ tile: true, tileWidth: 1024, tileHeight: 1024, compression: 'deflate' })
    .toBuffer();

  await expect(readImageHeader(file, LIMITS)).rejects.toMatchObject({
    code: 'UNSUPPORTED_IMAGE_FORMAT',
    message: expect.stringMatching(
      /is of a kind that is not decoded \(tiff2vips: tile size out of range\); convert it to an/,
    ),
  });
});

describe('changed bytes', () => {
  const SOURCES = LAYOUTS.flatMap(([, store]) => [
    store(CARD, { ...RGB, ...compressed }, deflate),
    store(CARD, { ...RGB, ...compressed, big: true, bigEndian: true }, deflate),
    store(
      pixelsBy(([r = 0, g = 0, b = 0]) => [255 - r, 255 - g, 255 - b, 0]),
      { photometric: 5, samples: 4, ...compressed },
      deflate,
    ),
  ]);
  const CODES =
    /^(UNDECODABLE_IMAGE|UNSUPPORTED_IMAGE_FORMAT|IMAGE_TOO_LARGE|IMAGE_SIZE_NOT_ALLOWED|DECODE_TIMEOUT)$/;
  /** Where: a part of the file, the directory at its end for the most; and what. */
  const changes = fc.array(fc.tuple(fc.nat({ max: 260 }), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 6,
  });

  function changed(file: Buffer, list: readonly (readonly [number, number])[]): Buffer {
    const bytes = Buffer.from(file);
    for (const [back, value] of list) bytes[Math.max(4, bytes.length - 1 - back)] = value;
    return bytes;
  }

  test('the directory reader answers or refuses', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SOURCES), changes, fc.nat({ max: 60 }), (file, list, cut) => {
        const bytes = changed(file, list);
        try {
          const steps = inspectTiff(bytes.subarray(0, bytes.length - (cut > 40 ? cut : 0)), LIMITS);
          while (steps.next().done !== true);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: expect.stringMatching(CODES) });
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('a picture or a client’s error comes of them, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...SOURCES), changes, async (file, list) => {
        try {
          const { data } = await preprocessImage(changed(file, list), AS_IS, LIMITS);
          expect(data.length).toBeGreaterThan(0);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: expect.stringMatching(CODES) });
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** Where the values of a tag stand in a little-endian classic TIFF. */
function valuesOf(file: Buffer, tag: number): number {
  const directory = file.readUInt32LE(4);
  for (let entry = 0; entry < file.readUInt16LE(directory); entry++) {
    const at = directory + 2 + 12 * entry;
    if (file.readUInt16LE(at) === tag) return file.readUInt32LE(at + 8);
  }
  throw new Error(`no tag ${tag}`);
}

/** The file with a second copy of its data behind the directory, which is the one it refers to. */
function directoryFirst(file: Buffer): Buffer {
  const copy = Buffer.concat([file, file.subarray(8)]);
  const shift = file.length - 8;
  for (const tag of [TAG.stripOffsets, TAG.tileOffsets]) {
    let at: number;
    try {
      at = valuesOf(file, tag);
    } catch {
      continue;
    }
    for (let i = 0; i < (tag === TAG.tileOffsets ? 4 : 3); i++) {
      copy.writeUInt32LE(copy.readUInt32LE(at + 4 * i) + shift, at + 4 * i);
    }
  }
  return copy;
}
