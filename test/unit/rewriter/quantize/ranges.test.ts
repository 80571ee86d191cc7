import { chooseRange, RANGE_METHODS } from '../../../../src/rewriter/quantize/choose-range';
import { paddingOf } from '../../../../src/rewriter/quantize/padding';
import { quantizationOf, unionOf } from '../../../../src/rewriter/quantize/quantization';
import { meanErrors, quantizeWeights } from '../../../../src/rewriter/quantize/quantize-weights';
import { ValueHistogram } from '../../../../src/rewriter/quantize/value-histogram';
import { intListAttr, textAttr } from '../../../../src/rewriter/graph/attributes';
import { nodeDef } from '../../../../src/rewriter/graph/node-def';

describe('quantisation', () => {
  test('zero is a byte, and the range is covered', () => {
    expect(quantizationOf({ min: 0, max: 6 })).toEqual({
      scale: Math.fround(6 / 255),
      zeroPoint: 0,
    });
    const { scale, zeroPoint } = quantizationOf({ min: -1, max: 3 });
    expect(zeroPoint).toBe(64);
    expect((255 - zeroPoint) * scale).toBeGreaterThan(2.98);
    // Beside zero too.
    expect(quantizationOf({ min: 2, max: 4 }).zeroPoint).toBe(0);
    expect(quantizationOf({ min: -4, max: -2 }).zeroPoint).toBe(255);
    expect(quantizationOf({ min: 0, max: 0 }).scale).toBeGreaterThan(0);
  });

  test('a union holds all', () => {
    expect(
      unionOf([
        { min: 0, max: 2 },
        { min: -1, max: 1 },
      ]),
    ).toEqual({ min: -1, max: 2 });
  });
});

describe('weights', () => {
  const values = Float32Array.of(1, 0.004, -0.5, 0.008, 0.25, -0.002);
  const weights = { shape: [1, 1, 3, 2], values };

  test('have a scale per output channel, and at most half a step of error', () => {
    const { scales, values: bytes, sums } = quantizeWeights(weights, 2);

    expect([...scales].map((scale) => scale * 127)).toEqual([
      expect.closeTo(1, 5),
      expect.closeTo(0.008, 5),
    ]);
    bytes.forEach((byte, i) => {
      const scale = scales[i % 2] ?? 0;
      expect(Math.abs(byte * scale - (values[i] ?? 0))).toBeLessThanOrEqual(scale / 2 + 1e-9);
    });
    expect(sums[0]).toBeCloseTo(0.75, 1);
  });

  test('what rounding adds on average is the error times the mean of what they multiply', () => {
    const quantized = quantizeWeights(weights, 2);
    const means = [3, -2, 5];

    const errors = meanErrors(weights, quantized, means, false);

    for (const channel of [0, 1]) {
      const exact = means.map((mean, i) => mean * (values[2 * i + channel] ?? 0));
      const rounded = means.map(
        (mean, i) =>
          mean * (quantized.values[2 * i + channel] ?? 0) * (quantized.scales[channel] ?? 0),
      );
      const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
      expect(errors[channel]).toBeCloseTo(sum(rounded) - sum(exact), 9);
    }
    expect([...meanErrors(weights, quantized, [], false)]).toEqual([0, 0]);
  });
});

describe('histograms', () => {
  test('keep their counts as larger values come', () => {
    const histogram = new ValueHistogram();

    histogram.add(Float32Array.of(0, 0.0001, -0.0002, NaN, Infinity));
    histogram.add(Float32Array.of(100, -3));

    expect(histogram.range).toEqual({ min: -3, max: 100 });
    expect(histogram.counts.reduce((a, b) => a + b, 0)).toBe(5);
    expect(new ValueHistogram().range).toEqual({ min: 0, max: 0 });
  });

  const skewed = new ValueHistogram();
  skewed.add(Float32Array.from({ length: 100_000 }, (_, i) => i / 100_000));
  skewed.add(Float32Array.of(50));

  test.each(RANGE_METHODS)('%s gives a range that holds zero and some values', (method) => {
    const { min, max } = chooseRange(skewed, method);

    expect(min).toBe(0);
    expect(max).toBeGreaterThan(0.5);
    expect(max).toBeLessThanOrEqual(50);
  });

  test('percentiles leave an outlier out, the largest range does not', () => {
    expect(chooseRange(skewed, 'largest').max).toBe(50);
    expect(chooseRange(skewed, '99.99 %').max).toBeLessThan(1.1);
    expect(chooseRange(skewed, '99.9 %').max).toBeLessThan(1.1);
  });
});

describe('padding', () => {
  const layer = (padding: string, strides: readonly number[], pads?: readonly number[]) => ({
    weights: { shape: [3, 5, 8, 8], values: new Float32Array() },
    node: nodeDef('c', 'Conv2D', [], {
      padding: textAttr(padding),
      strides: intListAttr(strides),
      ...(pads === undefined ? {} : { explicit_paddings: intListAttr(pads) }),
    }),
  });

  test('is that of TensorFlow', () => {
    expect(paddingOf(layer('VALID', [1, 2, 2, 1]), undefined)).toEqual({
      rows: [0, 0],
      columns: [0, 0],
    });
    expect(paddingOf(layer('SAME', [1, 1, 1, 1]), undefined)).toEqual({
      rows: [1, 1],
      columns: [2, 2],
    });
    // More below and to the right where it does not divide.
    expect(paddingOf(layer('SAME', [1, 2, 2, 1]), [1, 8, 8, 8])).toEqual({
      rows: [0, 1],
      columns: [1, 2],
    });
    expect(paddingOf(layer('SAME', [1, 2, 2, 1]), undefined)).toBeUndefined();
    expect(paddingOf(layer('EXPLICIT', [1, 1, 1, 1], [0, 0, 1, 2, 3, 4, 0, 0]), undefined)).toEqual(
      {
        rows: [1, 2],
        columns: [3, 4],
      },
    );
  });
});
