import { toImage, type GeneratedImageOptions } from '../../../src/outputs/generated-image';
import type { Tensor } from '../../../src/kernel/tensor';
import { floats, strings } from '../../support/tensors';

const OPTIONS: GeneratedImageOptions = { valueRange: [0, 1], layout: 'NHWC' };

function bytes(shape: readonly number[], values: readonly number[]): Tensor {
  return { name: 'y', dtype: 'uint8', shape, data: Uint8Array.from(values) };
}

function pixelsOf(output: Tensor, options: Partial<GeneratedImageOptions> = {}): number[] {
  return Array.from(toImage(output, { ...OPTIONS, ...options }).pixels);
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

test('values from 0 to 1 become bytes', () => {
  const image = toImage(floats('y', [1, 1, 2, 3], [0, 0.2, 0.4, 0.6, 0.8, 1]), OPTIONS);

  expect(image).toEqual({
    pixels: Uint8Array.of(0, 51, 102, 153, 204, 255),
    width: 2,
    height: 1,
    channels: 3,
  });
});

test('what is outside the range is clipped, and what is no number is black', () => {
  expect(pixelsOf(floats('y', [1, 1, 5, 1], [-0.5, 1.5, -Infinity, Infinity, NaN]))).toEqual([
    0, 255, 0, 255, 0,
  ]);
});

test('values are rounded to the nearest byte', () => {
  const values = [0.4, 0.6, 1.4, 1.6, 254.4, 254.6];

  expect(pixelsOf(floats('y', [1, 1, 6, 1], values), { valueRange: [0, 255] })).toEqual([
    0, 1, 1, 2, 254, 255,
  ]);
});

test.each<[readonly [number, number], readonly number[]]>([
  [
    [-1, 1],
    [-1, -0.6, 0.2, 1],
  ],
  [
    [0, 255],
    [0, 51, 153, 255],
  ],
  [
    [10, 20],
    [10, 12, 16, 20],
  ],
])('the value range %j is black to white', (valueRange, values) => {
  expect(pixelsOf(floats('y', [1, 2, 2, 1], values), { valueRange })).toEqual([0, 51, 153, 255]);
});

test('channels first become interleaved', () => {
  const planes = [1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24];

  const image = toImage(floats('y', [1, 3, 2, 2], planes), {
    layout: 'NCHW',
    valueRange: [0, 255],
  });

  expect(image).toMatchObject({ width: 2, height: 2, channels: 3 });
  expect(Array.from(image.pixels)).toEqual([1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24]);
});

test('width and height are told apart in both layouts', () => {
  expect(toImage(floats('y', [1, 2, 3, 1], upTo(6)), OPTIONS)).toMatchObject({
    width: 3,
    height: 2,
    channels: 1,
  });
  expect(toImage(floats('y', [1, 1, 2, 3], upTo(6)), { ...OPTIONS, layout: 'NCHW' })).toMatchObject(
    { width: 3, height: 2, channels: 1 },
  );
});

test('bytes of the whole range are passed on without a copy', () => {
  const output = bytes([1, 2, 1, 3], [0, 1, 2, 253, 254, 255]);

  const { pixels } = toImage(output, { layout: 'NHWC', valueRange: [0, 255] });

  expect(Array.from(pixels)).toEqual([0, 1, 2, 253, 254, 255]);
  expect(pixels.buffer).toBe((output.data as Uint8Array).buffer);
});

test('bytes of one channel are the same in both layouts', () => {
  expect(pixelsOf(bytes([1, 1, 2, 2], upTo(4)), { layout: 'NCHW', valueRange: [0, 255] })).toEqual(
    upTo(4),
  );
});

test('bytes in planes are interleaved', () => {
  expect(pixelsOf(bytes([1, 3, 1, 2], upTo(6)), { layout: 'NCHW', valueRange: [0, 255] })).toEqual([
    0, 2, 4, 1, 3, 5,
  ]);
});

test('bytes of another range are stretched', () => {
  expect(pixelsOf(bytes([1, 1, 3, 1], [0, 1, 2]), { valueRange: [0, 1] })).toEqual([0, 255, 255]);
});

test('whole numbers are taken as they are', () => {
  const output: Tensor = {
    name: 'y',
    dtype: 'int32',
    shape: [1, 1, 3, 1],
    data: Int32Array.of(-5, 128, 300),
  };

  expect(pixelsOf(output, { valueRange: [0, 255] })).toEqual([0, 128, 255]);
});

describe('padding of the input', () => {
  const range = { valueRange: [0, 255] as const };

  test.each<[string, Tensor, 'NHWC' | 'NCHW']>([
    ['floats', floats('y', [1, 3, 4, 1], upTo(12)), 'NHWC'],
    ['bytes', bytes([1, 3, 4, 1], upTo(12)), 'NHWC'],
    ['planes', floats('y', [1, 1, 3, 4], upTo(12)), 'NCHW'],
  ])('is cut off at the right and the bottom of %s', (_, output, layout) => {
    const image = toImage(output, { ...range, layout, crop: { width: 0.5, height: 2 / 3 } });

    expect(image).toMatchObject({ width: 2, height: 2 });
    expect(Array.from(image.pixels)).toEqual([0, 1, 4, 5]);
  });

  test('is cut off in every plane', () => {
    const output = floats('y', [1, 3, 1, 2], upTo(6));

    expect(pixelsOf(output, { ...range, layout: 'NCHW', crop: { width: 0.5, height: 1 } })).toEqual(
      [0, 2, 4],
    );
  });

  test('below bytes is cut off without a copy', () => {
    const output = bytes([1, 3, 2, 1], upTo(6));

    const image = toImage(output, {
      ...range,
      layout: 'NHWC',
      crop: { width: 1, height: 2 / 3 },
    });

    expect(image).toMatchObject({ width: 2, height: 2, pixels: Uint8Array.of(0, 1, 2, 3) });
    expect(image.pixels.buffer).toBe((output.data as Uint8Array).buffer);
  });

  test('leaves at least a pixel', () => {
    expect(
      toImage(floats('y', [1, 4, 4, 1], upTo(16)), {
        ...OPTIONS,
        crop: { width: 0.01, height: 0.01 },
      }),
    ).toMatchObject({ width: 1, height: 1 });
  });
});

test.each<[string, readonly number[], 'NHWC' | 'NCHW']>([
  ['two channels', [1, 2, 2, 2], 'NHWC'],
  ['channels in the other place', [1, 3, 2, 2], 'NHWC'],
  ['channels last where they are first', [1, 2, 2, 3], 'NCHW'],
  ['three dimensions', [2, 2, 3], 'NHWC'],
  ['no pixels', [1, 0, 2, 3], 'NHWC'],
])('an output of %s is not a picture', (_, shape, layout) => {
  const elements = shape.reduce((product, size) => product * size, 1);

  expect(() => toImage(floats('y', shape, upTo(elements)), { ...OPTIONS, layout })).toThrow(
    `The model answered [${shape.join(', ')}], which is not a picture of 1 or 3 channels`,
  );
});

test.each<Tensor>([
  { name: 'y', dtype: 'string', shape: [1, 1, 1, 1], data: strings('') },
  { name: 'y', dtype: 'int64', shape: [1, 1, 1, 1], data: BigInt64Array.of(1n) },
])('pixels of $dtype are refused', (output) => {
  expect(() => toImage(output, OPTIONS)).toThrow(
    expect.objectContaining({ code: 'INFERENCE_FAILED' }),
  );
});
