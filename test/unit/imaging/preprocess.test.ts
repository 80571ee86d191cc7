import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import sharp from 'sharp';

import { DEFAULT_DECODE_LIMITS as LIMITS } from '../../../src/imaging/open-image';
import { coverRegion, placeInTarget } from '../../../src/imaging/geometry';
import { preprocessImage } from '../../../src/imaging/preprocess';
import type { PreprocessSpec } from '../../../src/imaging/preprocess-spec';
import {
  card,
  CARD_COLORS,
  cardPixels,
  ENCODERS,
  expectColors,
  quarterColors,
} from '../../support/pictures';
import { photo } from '../../support/service';

const SPEC: PreprocessSpec = {
  size: { kind: 'fixed', width: 32, height: 32 },
  fit: 'cover',
  padColor: '#102030',
  shrinkOnLoad: true,
  kernel: 'cubic',
  cropFraction: 1,
  colorOrder: 'rgb',
  layout: 'NHWC',
  dtype: 'uint8',
  normalization: 'none',
};

const pixelOf = (color: readonly number[]): Promise<Buffer> =>
  sharp({
    create: {
      width: 32,
      height: 32,
      channels: 3,
      background: { r: color[0] ?? 0, g: color[1] ?? 0, b: color[2] ?? 0 },
    },
  })
    .png()
    .toBuffer();

describe('geometry', () => {
  test('cover keeps the middle and the proportions', async () => {
    // A wide card: left and right thirds are cut, the colours of the quarters stay.
    const { data, shape } = await preprocessImage(await ENCODERS.png(card(120, 40)), SPEC, LIMITS);

    expect(shape).toEqual([32, 32, 3]);
    expectColors(quarterColors(data, 32, 32), CARD_COLORS, 3);
  });

  test('fill stretches, contain adds bars of the pad colour', async () => {
    const wide = await ENCODERS.png(card(64, 32));

    const filled = await preprocessImage(wide, { ...SPEC, fit: 'fill' }, LIMITS);
    const contained = await preprocessImage(wide, { ...SPEC, fit: 'contain' }, LIMITS);

    expectColors(quarterColors(filled.data, 32, 32), CARD_COLORS, 3);
    expect(Array.from(contained.data.slice(0, 3))).toEqual([0x10, 0x20, 0x30]);
    const middle = (12 * 32 + 8) * 3;
    expectColors([Array.from(contained.data.slice(middle, middle + 3))], [CARD_COLORS[0]], 3);
  });

  test('the crop fraction cuts the border off', async () => {
    // A black frame of an eighth on every side disappears with a fraction of 0.75.
    const framed = await sharp(cardPixels(48, 48), { raw: { width: 48, height: 48, channels: 3 } })
      .extend({ top: 8, bottom: 8, left: 8, right: 8, background: '#000000' })
      .png()
      .toBuffer();

    const whole = await preprocessImage(framed, SPEC, LIMITS);
    const cropped = await preprocessImage(framed, { ...SPEC, cropFraction: 0.75 }, LIMITS);

    expect(Array.from(whole.data.slice(0, 3))).toEqual([0, 0, 0]);
    expectColors([Array.from(cropped.data.slice(0, 3))], [CARD_COLORS[0]], 3);
  });

  test('the region for cover lies inside the image and has the target’s proportions', () => {
    const side = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (w, h, tw, th, crop) => {
          const region = coverRegion({ width: w, height: h }, { width: tw, height: th }, crop);
          expect(region.left).toBeGreaterThanOrEqual(0);
          expect(region.top).toBeGreaterThanOrEqual(0);
          expect(region.width).toBeGreaterThanOrEqual(1);
          expect(region.left + region.width).toBeLessThanOrEqual(w);
          expect(region.top + region.height).toBeLessThanOrEqual(h);
          if (region.width > 20 && region.height > 20) {
            expect(region.width / region.height / (tw / th)).toBeCloseTo(1, 0);
          }
        },
      ),
    );
  });

  test('whatever the fit, the padded, resized region fills the target', () => {
    const side = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.constantFrom('cover', 'contain', 'fill'),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (w, h, tw, th, fit, crop) => {
          const { region, resized, padding } = placeInTarget(
            { width: w, height: h },
            { width: tw, height: th },
            fit,
            crop,
          );

          expect(padding.left + resized.width + padding.right).toBe(tw);
          expect(padding.top + resized.height + padding.bottom).toBe(th);
          expect(Math.min(...Object.values(padding), region.left, region.top)).toBeGreaterThan(-1);
          expect(region.left + region.width).toBeLessThanOrEqual(w);
          expect(region.top + region.height).toBeLessThanOrEqual(h);
          expect(Math.min(resized.width, resized.height)).toBeGreaterThan(0);
        },
      ),
    );
  });

  test('the crop fraction of the ImageNet evaluation keeps 0.875 of the short side', () => {
    const target = { width: 224, height: 224 };

    expect(coverRegion({ width: 256, height: 256 }, target, 0.875)).toEqual({
      left: 16,
      top: 16,
      width: 224,
      height: 224,
    });
    expect(coverRegion({ width: 640, height: 480 }, target, 0.875)).toEqual({
      left: 110,
      top: 30,
      width: 420,
      height: 420,
    });
  });

  test('markers at the corners of the kept region reach the corners of the tensor', async () => {
    const pixels = Buffer.alloc(256 * 256 * 3);
    for (const [x, y] of [
      [16, 16],
      [239, 16],
      [16, 239],
      [239, 239],
    ] as const) {
      pixels.fill(255, (y * 256 + x) * 3, (y * 256 + x) * 3 + 3);
    }
    const bytes = await sharp(pixels, { raw: { width: 256, height: 256, channels: 3 } })
      .png()
      .toBuffer();
    const spec = {
      ...SPEC,
      size: { kind: 'fixed', width: 224, height: 224 },
      cropFraction: 0.875,
    } as const;

    const { data } = await preprocessImage(bytes, spec, LIMITS);

    const last = 224 * 224 - 1;
    expect([0, 223, last - 223, last].map((pixel) => data[pixel * 3])).toEqual([
      255, 255, 255, 255,
    ]);
    expect(Array.from(data).reduce((sum, value) => sum + value, 0)).toBe(4 * 3 * 255);
  });

  test.each([
    ['the same', 40, 40],
    ['half', 20, 20],
    ['twice', 80, 80],
    ['1.7 times', 68, 68],
    ['wider and less high', 80, 20],
    ['wider and as high', 80, 40],
  ])('a slope keeps its place when resized to %s', async (_name, width, height) => {
    // Red rises to the right, green downwards: any shift shows as an offset.
    const side = 40;
    const pixels = Buffer.alloc(side * side * 3);
    for (let i = 0; i < side * side; i++) {
      pixels.set([(i % side) * 6, Math.floor(i / side) * 6, 0], i * 3);
    }
    const bytes = await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
      .png()
      .toBuffer();
    const spec = { ...SPEC, fit: 'fill', size: { kind: 'fixed', width, height } } as const;

    const { data } = await preprocessImage(bytes, spec, LIMITS);

    // Away from the edges a pixel shows what lies at its centre.
    for (const share of [0.25, 0.5, 0.75]) {
      const [x, y] = [Math.floor(share * width), Math.floor(share * height)];
      const at = (y * width + x) * 3;
      expect(Math.abs((data[at] ?? NaN) - (((x + 0.5) / width) * side - 0.5) * 6)).toBeLessThan(
        1.1,
      );
      expect(
        Math.abs((data[at + 1] ?? NaN) - (((y + 0.5) / height) * side - 0.5) * 6),
      ).toBeLessThan(1.1);
    }
  });

  test('one side can shrink while the other grows, as if one after the other', async () => {
    const bytes = await sharp(readFileSync(photo('coffee.jpg')))
      .resize({ width: 320, height: 100, fit: 'fill' })
      .png()
      .toBuffer();
    const to = (height: number): PreprocessSpec => ({
      ...SPEC,
      fit: 'fill',
      size: { kind: 'fixed', width: 224, height },
    });

    const both = await preprocessImage(bytes, to(224), LIMITS);
    const narrow = await preprocessImage(bytes, to(100), LIMITS);
    const raw = { width: 224, height: 100, channels: 3 } as const;
    const narrowBytes = await sharp(Buffer.from(narrow.data), { raw }).png().toBuffer();

    const { data } = await preprocessImage(narrowBytes, to(224), LIMITS);
    expect(Buffer.from(both.data).equals(Buffer.from(data))).toBe(true);
  });

  test.each([
    [1, 1],
    [1, 3],
    [3, 2],
  ])('a picture of %i×%i pixels is enlarged up to its edges', async (width, height) => {
    const bytes = await sharp({
      create: { width, height, channels: 3, background: '#336699' },
    })
      .png()
      .toBuffer();
    const spec = { ...SPEC, fit: 'fill', size: { kind: 'fixed', width: 224, height: 96 } } as const;

    const { data, shape } = await preprocessImage(bytes, spec, LIMITS);

    expect(shape).toEqual([96, 224, 3]);
    expect(Buffer.from(data).equals(Buffer.alloc(96 * 224 * 3, Buffer.from('336699', 'hex')))).toBe(
      true,
    );
  });

  test.each(['jpeg', 'png'] as const)(
    'contain centres the picture between bars, enlarged too, for a grey %s as well',
    async (format) => {
      for (const image of [card(16, 8), card(16, 8).toColourspace('b-w')]) {
        const spec = { ...SPEC, fit: 'contain', padColor: '#ff8040' } as const;
        const { data } = await preprocessImage(await ENCODERS[format](image), spec, LIMITS);

        const row = (y: number): number[] => Array.from(data.slice(y * 96, y * 96 + 3));
        expect([0, 7, 24, 31].map(row)).toEqual(Array.from({ length: 4 }, () => [255, 128, 64]));
        expect([8, 23].map(row)).not.toContainEqual([255, 128, 64]);
      }
    },
  );

  test('a model of any size gets the image as it is', async () => {
    const spec = {
      ...SPEC,
      size: { kind: 'dynamic', minSize: 8, maxSize: 100, multipleOf: 1 },
    } as const;

    const { shape, data, validWidth, validHeight } = await preprocessImage(
      await ENCODERS.png(card(61, 47)),
      spec,
      LIMITS,
    );

    expect(shape).toEqual([47, 61, 3]);
    expect([validWidth, validHeight]).toEqual([61, 47]);
    expect(Buffer.from(data)).toEqual(cardPixels(61, 47));
  });

  test('sides are padded up to a multiple by repeating the edge', async () => {
    const spec = {
      ...SPEC,
      size: { kind: 'dynamic', minSize: 8, maxSize: 100, multipleOf: 16 },
    } as const;

    const image = await preprocessImage(await ENCODERS.png(card(50, 30)), spec, LIMITS);

    expect(image).toMatchObject({
      shape: [32, 64, 3],
      width: 64,
      height: 32,
      validWidth: 50,
      validHeight: 30,
    });
    const last = (31 * 64 + 63) * 3;
    expect(Array.from(image.data.slice(last))).toEqual([...CARD_COLORS[3]]);
  });

  test.each([
    [7, 50],
    [50, 101],
  ])('%i×%i is outside the limits and says so', async (width, height) => {
    const spec = {
      ...SPEC,
      size: { kind: 'dynamic', minSize: 8, maxSize: 100, multipleOf: 1 },
    } as const;

    await expect(
      preprocessImage(await ENCODERS.png(card(width, height)), spec, LIMITS),
    ).rejects.toMatchObject({
      code: 'IMAGE_SIZE_NOT_ALLOWED',
      message: `The image is ${String(width)}×${String(height)}; the model takes sides from 8 to 100 pixels`,
    });
  });
});

describe('large JPEGs, which are decoded at a fraction of their size', () => {
  const classifier: PreprocessSpec = {
    ...SPEC,
    size: { kind: 'fixed', width: 224, height: 224 },
    cropFraction: 0.875,
  };
  const large = (): sharp.Sharp =>
    sharp(readFileSync(photo('coffee.jpg'))).resize({ width: 4001, height: 2667, fit: 'fill' });

  async function meanDifference(
    jpeg: Buffer,
    lossless: Buffer,
    spec = classifier,
  ): Promise<number> {
    const [a, b] = await Promise.all([
      preprocessImage(jpeg, spec, LIMITS),
      preprocessImage(lossless, spec, LIMITS),
    ]);
    let sum = 0;
    for (const [i, value] of b.data.entries()) sum += Math.abs(value - (a.data[i] ?? 0));
    return sum / b.data.length;
  }

  test('give the pixels of the same picture without loss', async () => {
    const jpeg = await large().jpeg({ quality: 95 }).toBuffer();
    const lossless = await sharp(jpeg).png({ compressionLevel: 0 }).toBuffer();

    // Half a pixel to the side makes 3.0, an eighth 1.3.
    expect(await meanDifference(jpeg, lossless)).toBeLessThan(1.5);
  });

  test('give them more exactly when they are decoded as a whole', async () => {
    const jpeg = await large().jpeg({ quality: 95 }).toBuffer();
    const lossless = await sharp(jpeg).png({ compressionLevel: 0 }).toBuffer();
    const exact = { ...classifier, shrinkOnLoad: false };

    expect(await meanDifference(jpeg, lossless, exact)).toBeLessThan(0.01);
  });

  test('also when they are to be turned', async () => {
    const jpeg = await large().jpeg({ quality: 95 }).withMetadata({ orientation: 6 }).toBuffer();
    const lossless = await sharp(jpeg).rotate().png({ compressionLevel: 0 }).toBuffer();

    expect(await meanDifference(jpeg, lossless)).toBeLessThan(1.5);
  });
});

describe('values', () => {
  test.each([
    ['none', [0, 128, 255]],
    ['zero-to-one', [0, 128 / 255, 1]],
    ['minus-one-to-one', [-1, 128 / 127.5 - 1, 1]],
    ['imagenet', [-0.485 / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]],
    [{ mean: [127, 100, 50], std: [128, 2, 4] }, [-127 / 128, 14, 51.25]],
    [{ mean: [127], std: [128] }, [-127 / 128, 1 / 128, 1]],
  ] as const)('normalisation %j is exact', async (normalization, expected) => {
    const spec = { ...SPEC, dtype: 'float32', normalization } as const;

    const { data } = await preprocessImage(await pixelOf([0, 128, 255]), spec, LIMITS);

    expect(data).toBeInstanceOf(Float32Array);
    expect(Array.from(data.slice(0, 3))).toEqual(expected.map(Math.fround));
    expect(Array.from(data.slice(-3))).toEqual(expected.map(Math.fround));
  });

  test('every order of channels and planes holds the same values', async () => {
    const bytes = await sharp(
      Buffer.from(Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 37) % 256)),
      {
        raw: { width: 32, height: 32, channels: 3 },
      },
    )
      .png()
      .toBuffer();
    const as = async (spec: Partial<PreprocessSpec>): Promise<ArrayLike<number>> =>
      (
        await preprocessImage(
          bytes,
          { ...SPEC, dtype: 'float32', normalization: 'imagenet', ...spec },
          LIMITS,
        )
      ).data;
    const rgb = await as({});
    const bgr = await as({ colorOrder: 'bgr' });
    const rgbPlanes = await as({ layout: 'NCHW' });
    const bgrPlanes = await as({ layout: 'NCHW', colorOrder: 'bgr' });

    fc.assert(
      fc.property(fc.nat(1023), fc.nat(2), (pixel, channel) => {
        const value = rgb[pixel * 3 + channel];
        expect(bgr[pixel * 3 + 2 - channel]).toBe(value);
        expect(rgbPlanes[channel * 1024 + pixel]).toBe(value);
        expect(bgrPlanes[(2 - channel) * 1024 + pixel]).toBe(value);
      }),
    );
  });

  test.each([32, 2])(
    'a picture %i pixels wide is an array of its type, as long as its pixels',
    async (side) => {
      const spec = { ...SPEC, size: { kind: 'fixed', width: side, height: side } } as const;

      for (const dtype of ['uint8', 'float32'] as const) {
        const { data } = await preprocessImage(
          await pixelOf([1, 2, 3]),
          { ...spec, dtype },
          LIMITS,
        );
        expect(data.constructor).toBe(dtype === 'uint8' ? Uint8Array : Float32Array);
        expect(data).toHaveLength(side * side * 3);
      }
    },
  );

  test('NCHW has a plane for each colour', async () => {
    const spec = { ...SPEC, layout: 'NCHW', dtype: 'float32' } as const;

    const { data, shape } = await preprocessImage(await pixelOf([1, 2, 3]), spec, LIMITS);

    expect(shape).toEqual([3, 32, 32]);
    expect([data[0], data[1023], data[1024], data[2047], data[2048], data[3071]]).toEqual([
      1, 1, 2, 2, 3, 3,
    ]);
  });

  test('BGR exchanges the colours, and their constants with them', async () => {
    const normalization = { mean: [1, 0, 0], std: [1, 1, 1] };
    const bytes = await pixelOf([11, 22, 33]);

    const asBytes = await preprocessImage(bytes, { ...SPEC, colorOrder: 'bgr' }, LIMITS);
    const planes = await preprocessImage(
      bytes,
      { ...SPEC, colorOrder: 'bgr', layout: 'NCHW', dtype: 'float32', normalization },
      LIMITS,
    );

    expect(Array.from(asBytes.data.slice(0, 3))).toEqual([33, 22, 11]);
    expect([planes.data[0], planes.data[1024], planes.data[2048]]).toEqual([33, 22, 10]);
  });

  test('int32 models get whole numbers', async () => {
    const { data } = await preprocessImage(
      await pixelOf([0, 128, 255]),
      { ...SPEC, dtype: 'int32' },
      LIMITS,
    );

    expect(data).toBeInstanceOf(Int32Array);
    expect(Array.from(data.slice(0, 3))).toEqual([0, 128, 255]);
  });
});

test('stops between the stages for a client that goes while the image is decoded', async () => {
  const client = new AbortController();
  const bytes = await pixelOf([1, 2, 3]);

  const answer = preprocessImage(bytes, SPEC, LIMITS, { signal: client.signal });
  client.abort();

  await expect(answer).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST', status: 499 });
});

test('stops early for a client that has gone', async () => {
  const gone = AbortSignal.abort();

  await expect(
    preprocessImage(await pixelOf([1, 2, 3]), SPEC, LIMITS, { signal: gone }),
  ).rejects.toMatchObject({
    code: 'CLIENT_CLOSED_REQUEST',
  });
});
