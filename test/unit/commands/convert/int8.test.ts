import { lossOf, lostDb } from '../../../../src/commands/convert/int8/accuracy-loss';
import { chooseLayers } from '../../../../src/commands/convert/int8/choose-layers';
import type { Int8Report } from '../../../../src/commands/convert/int8/int8-report';
import { layerLines } from '../../../../src/commands/convert/int8/layer-lines';
import { ValueHistogram } from '../../../../src/rewriter/quantize/value-histogram';
import type { QuantizationPlan } from '../../../../src/rewriter/quantize/quantize-graph';

const DIFFERENCE = { maxAbsolute: 1, meanAbsolute: 1, maxRelative: 0.5, meanRelative: 0.02 };

describe('accuracy lost', () => {
  test('is the larger of changed classes, one image aside, and distance of the score', () => {
    const loss = (changed: readonly string[], meanScoreDifference: number): number =>
      lossOf(
        { kind: 'classes', changed, top1: 1 - changed.length / 20, meanScoreDifference },
        DIFFERENCE,
        20,
      ).loss;

    expect(loss(['a', 'b', 'c'], 0.01)).toBeCloseTo(0.1);
    expect(loss(['a'], 0.01)).toBe(0.01);
    expect(loss([], 0.04)).toBe(0.04);
    expect(lossOf(undefined, DIFFERENCE, 20)).toEqual({ loss: 0.02, difference: 0.02 });
  });

  test('of pictures is in dB, against pictures that are 30 dB from the truth', () => {
    expect(lostDb(null)).toBe(0);
    expect(lostDb(30)).toBeCloseTo(3.01, 2);
    expect(lostDb(45)).toBeCloseTo(0.135, 3);
  });
});

describe('choice of layers', () => {
  const histogram = new ValueHistogram();
  histogram.add(Float32Array.of(-1, 0, 2));
  const calibration = {
    histograms: new Map([['t', histogram]]),
    means: new Map(),
    shapes: new Map(),
  };
  const base = {
    layers: new Set(['a', 'b', 'c']),
    means: new Map(),
    shapes: new Map(),
    fixedSizes: true,
  };
  /** Each layer costs what it is listed with. */
  const costing =
    (costs: Readonly<Record<string, number>>) =>
    ({ layers }: QuantizationPlan) => {
      const loss = [...layers].reduce((sum, layer) => sum + (costs[layer] ?? 0), 0);
      return Promise.resolve({ loss, difference: loss });
    };

  test('keeps all within the budget', async () => {
    const choice = await chooseLayers(base, calibration, new Map(), 0.1, costing({ a: 0.05 }));

    expect([...choice.plan.layers]).toEqual(['a', 'b', 'c']);
    expect(choice.restored.size).toBe(0);
    expect(Object.keys(choice.methods)).toHaveLength(5);
  });

  test('puts back those that cost most, and no others', async () => {
    const choice = await chooseLayers(
      base,
      calibration,
      new Map(),
      0.1,
      costing({ a: 0.05, b: 0.3, c: 0.01 }),
    );

    expect([...choice.plan.layers]).toEqual(['a', 'c']);
    expect([...choice.restored]).toEqual([['b', 0.3]]);
    expect(choice.loss.loss).toBeCloseTo(0.06);
  });

  test('says what could be had where the budget cannot', async () => {
    const choice = chooseLayers(base, calibration, new Map(), 0.1, () =>
      Promise.resolve({ loss: 0.25, difference: 1 }),
    );

    await expect(choice).rejects.toThrow(/within 0\.1; the least was 0\.25: allow that/);
  });

  test('the ranges that a model brings are taken as they are', async () => {
    const own = new Map([['t', { min: -7, max: 7 }]]);

    const { plan } = await chooseLayers(base, calibration, own, 1, costing({}));

    expect(plan.ranges.get('t')).toEqual({ min: -7, max: 7 });
  });
});

test('a report names layers in float32 by their reasons', () => {
  const report: Int8Report = {
    precision: 'int8',
    quantized: ['q1', 'q2'],
    float32: [
      { layer: 'net/stem/conv', reason: 'first' },
      { layer: 'net/block/depthwise', reason: 'accuracy', measured: 0.05 },
      { layer: 'net/small', reason: 'slower', measured: 0.8 },
    ],
    ranges: {
      method: 'largest',
      losses: { largest: 0, '99.99 %': 0, '99.9 %': 0, 'square error': 0, KL: 0 },
      ofModel: 0,
    },
    accuracy: { budget: 0.03, loss: 0.01, photos: 20 },
    weightBytes: { float32: 4, converted: 1 },
  };

  expect(layerLines(report)).toEqual([
    '',
    'in 8 bits: 2 of 5 convolutions and matrix products',
    'in float32, first layers, which are not faster or not exact enough: stem/conv',
    'in float32, not faster in 8 bits: net/small (×0.80)',
    'in float32, cost accuracy: block/depthwise (5.0 % alone)',
    'ranges: largest, chosen on 20 images',
    'accuracy lost on these: 0.010, of at most 0.03',
  ]);
});
