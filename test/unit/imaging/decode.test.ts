import fc from 'fast-check';
import sharp from 'sharp';

import { hasEndMarker } from '../../../src/imaging/end-marker';
import { undecodable } from '../../../src/imaging/image-errors';
import { readImageHeader } from '../../../src/imaging/open-image';
import { preprocessImage } from '../../../src/imaging/preprocess';
import { AS_IS, decodedAsIs as decoded, LIMITS } from '../../support/decoding';
import {
  card,
  CARD_COLORS,
  cardPixels,
  ENCODERS,
  expectColors,
  FORMATS,
  quarterColors,
} from '../../support/pictures';

describe('formats', () => {
  test.each(FORMATS)('%s decodes to the colours that were put in', async (format) => {
    const bytes = await ENCODERS[format](card());

    const { width, height, colors } = await decoded(bytes);

    expect(await readImageHeader(bytes, LIMITS)).toEqual({ format, width: 64, height: 48 });
    expect([width, height]).toEqual([64, 48]);
    expectColors(colors, CARD_COLORS, format === 'avif' ? 12 : 6);
  });

  test.each(FORMATS)('%s cut off anywhere is an error, never half a picture', async (format) => {
    const noisy = sharp(noise(120, 90), { raw: { width: 120, height: 90, channels: 3 } });
    const bytes = await ENCODERS[format](noisy);

    for (const part of [0.1, 0.3, 0.6, 0.9, 0.99]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * part));
      await expect(preprocessImage(cut, AS_IS, LIMITS)).rejects.toMatchObject({
        code: 'UNDECODABLE_IMAGE',
        status: 422,
        message: expect.stringMatching(new RegExp(`^The ${format.toUpperCase()} file is damaged`)),
      });
    }
  });

  test.each(['jpeg', 'png'] as const)(
    'a %s cut off behind the part that is used is refused too',
    async (format) => {
      const noisy = sharp(noise(200, 200), { raw: { width: 200, height: 200, channels: 3 } });
      const bytes = await ENCODERS[format](noisy);
      const middle = {
        ...AS_IS,
        size: { kind: 'fixed', width: 32, height: 32 },
        cropFraction: 0.3,
      } as const;
      await expect(preprocessImage(bytes, middle, LIMITS)).resolves.toMatchObject({ width: 32 });

      for (const missing of [bytes.length * 0.2, bytes.length * 0.05, 100, 10]) {
        const cut = bytes.subarray(0, Math.floor(bytes.length - missing));
        await expect(preprocessImage(cut, middle, LIMITS)).rejects.toMatchObject({
          code: 'UNDECODABLE_IMAGE',
        });
      }
    },
  );

  test('files that are odd but whole are accepted', async () => {
    const jpeg = await ENCODERS.jpeg(card());
    const png = await ENCODERS.png(card());

    for (const odd of [
      Buffer.concat([jpeg, Buffer.from('something behind the picture')]),
      Buffer.concat([png, Buffer.alloc(100)]),
      png.subarray(0, -4),
      Buffer.concat([
        jpeg.subarray(0, 2),
        Buffer.from([0xff, 0xfe, 0, 4, 0xff, 0xd9]),
        jpeg.subarray(2),
      ]),
    ]) {
      expectColors((await decoded(odd)).colors, CARD_COLORS, 6);
    }
  });

  test('the end marker of a thumbnail is not taken for that of the picture', () => {
    const start = [0xff, 0xd8];
    const thumbnail = [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
    const scan = [0xff, 0xda, 0, 2, 1, 2, 3];

    expect(hasEndMarker(Uint8Array.from([...start, ...thumbnail, ...scan]), 'jpeg')).toBe(false);
    expect(
      hasEndMarker(Uint8Array.from([...start, ...thumbnail, ...scan, 0xff, 0xd9]), 'jpeg'),
    ).toBe(true);
  });

  test('the search for the end marker ends for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        for (const format of FORMATS) hasEndMarker(Uint8Array.from([0xff, 0xd8, ...tail]), format);
      }),
    );
  });

  test('any bytes at all are an image or a client’s error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        await expect(preprocessImage(bytes, AS_IS, LIMITS)).rejects.toMatchObject({
          code: expect.stringMatching(/^(BAD_REQUEST|UNSUPPORTED_IMAGE_FORMAT|UNDECODABLE_IMAGE)$/),
        });
      }),
    );
  });

  test('random bytes behind the mark of any format are refused, and nothing else happens', async () => {
    const heads = await Promise.all(
      FORMATS.map(async (format) => (await ENCODERS[format](card())).subarray(0, 24)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...heads),
        fc.uint8Array({ minLength: 0, maxLength: 400 }),
        async (head, tail) => {
          await expect(
            preprocessImage(Buffer.concat([head, tail]), AS_IS, LIMITS),
          ).rejects.toMatchObject({
            code: expect.stringMatching(
              /^(UNDECODABLE_IMAGE|UNSUPPORTED_IMAGE_FORMAT|IMAGE_TOO_LARGE|IMAGE_SIZE_NOT_ALLOWED)$/,
            ),
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([
    ['hierarchical', 1, 0xc5],
    ['lossless with arithmetic coding', 1, 0xcb],
    ['of 12 bits', 4, 12],
  ])('a JPEG that is %s is refused as such, and not called damaged', async (_what, at, value) => {
    const bytes = Buffer.from(await ENCODERS.jpeg(card()));
    bytes[bytes.indexOf(Buffer.from([0xff, 0xc0])) + at] = value;

    await expect(preprocessImage(bytes, AS_IS, LIMITS)).rejects.toMatchObject({
      code: 'UNSUPPORTED_IMAGE_FORMAT',
      message: expect.stringMatching(
        /^The JPEG file is of a kind that is not decoded \(VipsJpeg: .*\); convert it to an ordinary JPEG or PNG$/,
      ),
    });
  });

  test('what is not an image at all is refused with what is allowed', async () => {
    await expect(readImageHeader(Buffer.from('hello'), LIMITS)).rejects.toMatchObject({
      code: 'UNSUPPORTED_IMAGE_FORMAT',
      message: expect.stringMatching(/not an image of a known format; allowed are JPEG, PNG/),
    });
    await expect(readImageHeader(Buffer.alloc(0), LIMITS)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringMatching(/empty/),
    });
  });

  test('a picture of too many pixels is refused from its header, before decoding', async () => {
    // 60,000 × 60,000 in 70 bytes: decoded it would take 10 GB.
    const bomb = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const edited = Buffer.from(bomb);
    edited.writeUInt32BE(60_000, 16);
    edited.writeUInt32BE(60_000, 20);
    const header = edited.subarray(12, 29);
    edited.writeUInt32BE(crc32(header), 29);

    await expect(readImageHeader(edited, LIMITS)).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      status: 413,
      message: 'The image has 60000×60000 = 3600000000 pixels; 50000000 are allowed',
    });
  });

  test('of animated files the first frame is taken', async () => {
    const frames = Buffer.concat([
      cardPixels(32, 32),
      Buffer.alloc(32 * 32 * 3, 128),
      Buffer.alloc(32 * 32 * 3, 10),
    ]);
    const animated = sharp(frames, {
      raw: { width: 32, height: 96, channels: 3, pageHeight: 32 },
    });

    for (const bytes of [
      await animated.clone().gif().toBuffer(),
      await animated.clone().webp({ lossless: true }).toBuffer(),
    ]) {
      const { width, height, colors } = await decoded(bytes);
      expect([width, height]).toEqual([32, 32]);
      expectColors(colors, CARD_COLORS, 6);
    }
  });
});

describe('colours', () => {
  test('grey files get three equal channels', async () => {
    for (const bytes of [
      await card().greyscale().jpeg().toBuffer(),
      await card().greyscale().png().toBuffer(),
    ]) {
      const { colors } = await decoded(bytes);
      for (const [r, g, b] of colors) expect([r, r]).toEqual([g, b]);
    }
  });

  test('grey is the luma that PIL and tf.image compute', async () => {
    const bytes = await ENCODERS.png(card());

    const grey = await preprocessImage(bytes, { ...AS_IS, colorOrder: 'grayscale' }, LIMITS);

    expect(grey.shape).toEqual([48, 64, 1]);
    expect(grey.data).toHaveLength(48 * 64);
    expect([grey.data[0], grey.data[63], grey.data[47 * 64], grey.data[48 * 64 - 1]]).toEqual(
      CARD_COLORS.map(([r, g, b]) => Math.round(0.299 * r + 0.587 * g + 0.114 * b)),
    );
  });

  test('grey files stay what they are for models of one channel', async () => {
    const levels = Buffer.from(Array.from({ length: 256 }, (_, level) => level));
    const bytes = await sharp(levels, { raw: { width: 16, height: 16, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();

    const { data } = await preprocessImage(bytes, { ...AS_IS, colorOrder: 'grayscale' }, LIMITS);

    expect(Buffer.from(data)).toEqual(levels);
  });

  test('16-bit levels lose their low byte and nothing else', async () => {
    const levels = Uint16Array.from({ length: 256 }, (_, level) => level * 256 + 7);
    const bytes = await sharp(levels, { raw: { width: 16, height: 16, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();

    const { data } = await preprocessImage(bytes, { ...AS_IS, colorOrder: 'grayscale' }, LIMITS);

    expect(Array.from(data)).toEqual(Array.from({ length: 256 }, (_, level) => level));
  });

  test.each([
    [8, 'b-w'],
    [16, 'grey16'],
  ])('transparent grey of %i bits is laid on the background’s colour', async (bits, space) => {
    const pixels = new (bits === 8 ? Uint8Array : Uint16Array)(16 * 16 * 2);
    const bytes = await sharp(pixels, { raw: { width: 16, height: 16, channels: 2 } })
      .toColourspace(space)
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(2);

    const { colors } = await decoded(bytes, { ...LIMITS, background: '#ff8040' });

    expectColors(
      colors,
      Array.from({ length: 4 }, () => [255, 128, 64]),
      0,
    );
  });

  test('16-bit files, coloured and grey, are scaled to 8 bits', async () => {
    const coloured = await card().toColourspace('rgb16').png().toBuffer();
    const grey = await card().toColourspace('grey16').png().toBuffer();
    expect([
      (await sharp(coloured).metadata()).depth,
      (await sharp(grey).metadata()).depth,
    ]).toEqual(['ushort', 'ushort']);

    expectColors((await decoded(coloured)).colors, CARD_COLORS, 3);
    const levels = await card().greyscale().raw().toBuffer();
    const expected = quarterColors(
      Buffer.from([...levels].flatMap((level) => [level, level, level])),
      64,
      48,
    );
    expectColors((await decoded(grey)).colors, expected, 3);
  });

  test('a palette is looked up', async () => {
    const bytes = await card().png({ palette: true, colours: 8 }).toBuffer();

    expectColors((await decoded(bytes)).colors, CARD_COLORS, 6);
  });

  test.each([
    ['#ffffff', 255],
    ['#000000', 0],
  ])('transparency is laid on %s', async (background, level) => {
    const clear = { r: 10, g: 20, b: 30, alpha: 0 };
    const image = sharp({ create: { width: 20, height: 20, channels: 4, background: clear } });

    for (const bytes of [
      await image.clone().png().toBuffer(),
      await image.clone().webp({ lossless: true }).toBuffer(),
    ]) {
      const { colors } = await decoded(bytes, { ...LIMITS, background });
      expectColors(
        colors,
        Array.from({ length: 4 }, () => [level, level, level]),
        1,
      );
    }
  });

  test('half-transparent pixels are mixed with the background', async () => {
    const half = { r: 0, g: 0, b: 0, alpha: 0.5 };
    const bytes = await sharp({ create: { width: 8, height: 8, channels: 4, background: half } })
      .png()
      .toBuffer();

    const { colors } = await decoded(bytes);

    expectColors(
      colors,
      Array.from({ length: 4 }, () => [127, 127, 127]),
      2,
    );
  });

  test('an embedded profile changes nothing unless it is asked for', async () => {
    const bytes = await card().withIccProfile('p3').png().toBuffer();

    const ignored = await decoded(bytes);
    const applied = await decoded(bytes, { ...LIMITS, applyIcc: true });

    const raw = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expectColors(ignored.colors, quarterColors(raw, 64, 48), 0);
    expectColors(applied.colors, CARD_COLORS, 6);
    expect(applied.colors).not.toEqual(ignored.colors);
  });
});

describe('orientation', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i is applied', async (orientation) => {
    // Stored turned, so that turning it upright must give the card.
    const inverse: Record<number, (image: sharp.Sharp) => sharp.Sharp> = {
      1: (image) => image,
      2: (image) => image.flop(),
      3: (image) => image.rotate(180),
      4: (image) => image.flip(),
      5: (image) => image.rotate(270).flop(),
      6: (image) => image.rotate(270),
      7: (image) => image.rotate(90).flop(),
      8: (image) => image.rotate(90),
    };
    const stored = await sharp(await inverse[orientation]!(card()).png().toBuffer())
      .withMetadata({ orientation })
      .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
      .toBuffer();

    const { width, height, colors } = await decoded(stored);

    expect(await readImageHeader(stored, LIMITS)).toEqual({
      format: 'jpeg',
      width: 64,
      height: 48,
    });
    expect([width, height]).toEqual([64, 48]);
    expectColors(colors, CARD_COLORS, 8);
  });
});

function noise(width: number, height: number): Buffer {
  return Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 251));
}

/** CRC of PNG chunks (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

test('what sharp ended for taking too long is not called damaged', () => {
  expect(undecodable('png', new Error('timeout: 42% complete'))).toMatchObject({
    code: 'DECODE_TIMEOUT',
    message: 'The PNG file took too long to decode',
  });
});
