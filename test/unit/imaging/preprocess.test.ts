import fc from 'fast-check';
import sharp from 'sharp';

import { DEFAULT_DECODE_LIMITS as LIMITS } from '../../../src/imaging/decode';
import { coverRegion, preprocessImage, type PreprocessSpec } from '../../../src/imaging/preprocess';
import {
  card,
  CARD_COLORS,
  cardPixels,
  ENCODERS,
  expectColors,
  quarterColors,
} from '../../support/pictures';

const SPEC: PreprocessSpec = {
  size: { kind: 'fixed', width: 32, height: 32 },
  fit: 'cover',
  padColor: '#102030',
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

test('stops early for a client that has gone', async () => {
  const gone = AbortSignal.abort();

  await expect(preprocessImage(await pixelOf([1, 2, 3]), SPEC, LIMITS, gone)).rejects.toMatchObject(
    {
      code: 'CLIENT_CLOSED_REQUEST',
    },
  );
});
