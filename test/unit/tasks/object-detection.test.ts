import fc from 'fast-check';

import { placeInTarget } from '../../../src/imaging/geometry';
import { atOnce } from '../../../src/kernel/time-slices';
import {
  intersectionOverUnion,
  readBox,
  type BoxFormat,
} from '../../../src/tasks/object-detection/boxes';
import type { DetectionTensors } from '../../../src/tasks/object-detection/candidates';
import { detect } from '../../../src/tasks/object-detection/detect';
import { resolveDetection } from '../../../src/tasks/object-detection/resolve';
import type { DetectionSettings } from '../../../src/tasks/object-detection/settings';
import { floats, spec } from '../../support/tensors';

const SETTINGS: DetectionSettings = {
  boxes: 'boxes',
  scores: 'scores',
  classes: undefined,
  count: undefined,
  format: 'xyxy',
  units: 'pixels',
  activation: 'none',
  classOffset: 0,
  threshold: 0.5,
  maxDetections: 100,
  nms: undefined,
};
const SIZE = { width: 100, height: 100 };
/** Fed as it is. */
const AS_IS = { placement: placeInTarget(SIZE, SIZE, 'fill', 1), fed: SIZE, original: SIZE };

function detected(tensors: DetectionTensors, settings: Partial<DetectionSettings> = {}) {
  const all = { ...SETTINGS, ...settings };
  return atOnce(
    detect(tensors, AS_IS, { settings: all, threshold: all.threshold, labels: undefined }),
  );
}

const boxes = (...values: number[]) => floats('boxes', [1, values.length / 4, 4], values);

describe('boxes', () => {
  test.each<[BoxFormat, readonly number[]]>([
    ['xyxy', [10, 20, 50, 80]],
    ['yxyx', [20, 10, 80, 50]],
    ['cxcywh', [30, 50, 40, 60]],
    ['xywh', [10, 20, 40, 60]],
  ])('of the format %s are read', (format, values) => {
    expect(readBox(values, 0, format)).toEqual({ xmin: 10, ymin: 20, xmax: 50, ymax: 80 });
  });

  test('overlap by their shared area over their whole', () => {
    const box = { xmin: 0, ymin: 0, xmax: 10, ymax: 10 };

    expect(intersectionOverUnion(box, box)).toBe(1);
    expect(intersectionOverUnion(box, { ...box, xmin: 5, xmax: 15 })).toBeCloseTo(1 / 3);
    expect(intersectionOverUnion(box, { ...box, xmin: 10, xmax: 20 })).toBe(0);
  });
});

describe('detections', () => {
  test('of a score for each class: background is left out, both layouts, sigmoid on request', () => {
    const two = boxes(0, 0, 10, 10, 20, 20, 30, 30);
    // Background, cat and dog.
    const byBox = floats('scores', [1, 2, 3], [0.9, 0.6, 0.1, 0.2, 0.1, 0.8]);
    const byClass = floats('scores', [1, 3, 2], [0.9, 0.2, 0.6, 0.1, 0.1, 0.8]);

    for (const scores of [byBox, byClass]) {
      const found = detected({ boxes: two, scores }, { classOffset: 1 });
      expect(found.map(({ index, score }) => [index, score])).toEqual([
        [1, expect.closeTo(0.8) as number],
        [0, expect.closeTo(0.6) as number],
      ]);
    }
    const logits = floats('scores', [1, 2, 1], [0, 4]);
    const found = detected({ boxes: two, scores: logits }, { activation: 'sigmoid' });
    expect(found.map(({ score }) => score)).toEqual([
      expect.closeTo(1 / (1 + Math.exp(-4))) as number,
      0.5,
    ]);
  });

  test('of one class suppress each other, of two they do not', () => {
    const same = boxes(0, 0, 10, 10, 1, 0, 11, 10, 1, 0, 11, 10);
    const scores = floats('scores', [1, 3], [0.7, 0.9, 0.8]);
    const classes = floats('classes', [1, 3], [1, 1, 2]);

    const found = detected({ boxes: same, scores, classes }, { nms: 0.5 });

    expect(found.map(({ index, score }) => [index, Math.round(score * 10)])).toEqual([
      [1, 9],
      [2, 8],
    ]);
  });

  test('are cut at the edges, and left out beyond them', () => {
    const found = detected({
      boxes: boxes(-20, 90, 20, 120, 110, 0, 120, 10),
      scores: floats('scores', [1, 2], [1, 1]),
    });

    expect(found.map(({ box }) => box)).toEqual([{ xmin: 0, ymin: 90, xmax: 20, ymax: 100 }]);
  });

  test('of outputs that do not fit, or are not numbers, fail', () => {
    const one = boxes(0, 0, 10, 10);

    expect(() =>
      detected({ boxes: one, scores: floats('scores', [1, 3, 5], Array(15).fill(1)) }),
    ).not.toThrow();
    expect(() =>
      detected({
        boxes: boxes(0, 0, 1, 1, 0, 0, 1, 1),
        scores: floats('scores', [1, 3], [1, 1, 1]),
      }),
    ).toThrow('"boxes" [1, 2, 4], "scores" [1, 3], which do not fit each other');
    expect(() => detected({ boxes: one, scores: floats('scores', [1, 1], [NaN]) })).toThrow(
      'scores that are not numbers',
    );
    expect(() =>
      detected({ boxes: boxes(0, 0, NaN, 1), scores: floats('scores', [1, 1], [1]) }),
    ).toThrow('boxes that are not numbers');
  });

  test('of very many candidates are the best', () => {
    const count = 60_000;
    const many = floats(
      'boxes',
      [1, count, 4],
      Array.from({ length: count }, () => [0, 0, 10, 10]).flat(),
    );
    const scores = floats(
      'scores',
      [1, count],
      Array.from({ length: count }, (_, i) => ((i * 7919) % count) / count),
    );

    const found = detected({ boxes: many, scores }, { threshold: 0, maxDetections: 3 });

    expect(found.map(({ score }) => Math.round(score * count))).toEqual([59_999, 59_998, 59_997]);
  });
});

test('any box that is put into a picture comes back from where it is fed to', () => {
  const side = fc.integer({ min: 8, max: 400 });
  fc.assert(
    fc.property(
      fc.record({ width: side, height: side }),
      fc.record({ width: side, height: side }),
      fc.constantFrom('contain' as const, 'fill' as const),
      fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100), fc.nat(100)),
      (original, fed, fit, [a, b, c, d]) => {
        const placement = placeInTarget(original, fed, fit, 1);
        const share = (of: number, p: number): number => Math.round((of * p) / 100);
        const box = {
          xmin: share(original.width, Math.min(a, b)),
          xmax: share(original.width, Math.max(a, b)),
          ymin: share(original.height, Math.min(c, d)),
          ymax: share(original.height, Math.max(c, d)),
        };
        fc.pre(box.xmax > box.xmin && box.ymax > box.ymin);
        // As a model that sees perfectly would say it, of the picture that it is fed.
        const { region, resized, padding } = placement;
        const x = (value: number): number =>
          (padding.left + ((value - region.left) * resized.width) / region.width) / fed.width;
        const y = (value: number): number =>
          (padding.top + ((value - region.top) * resized.height) / region.height) / fed.height;
        const seen = new Float64Array([x(box.xmin), y(box.ymin), x(box.xmax), y(box.ymax)]);
        const [found] = atOnce(
          detect(
            {
              boxes: { ...boxes(0, 0, 0, 0), data: Float32Array.from(seen) },
              scores: floats('scores', [1, 1], [1]),
            },
            { placement, fed, original },
            { settings: { ...SETTINGS, units: 'relative' }, threshold: 0.5, labels: ['thing'] },
          ),
        );
        expect(found).toEqual({ label: 'thing', index: 0, score: 1, box });
      },
    ),
  );
});

describe('what a detector says of itself', () => {
  const resolve = (outputs: ReturnType<typeof spec>[], config = {}) => {
    const problems: string[] = [];
    const signature = { inputs: [], outputs, methodName: '' };
    const facts = { signature, image: undefined, labels: undefined };
    const settings = resolveDetection(facts, config, {
      problem: (text) => problems.push(text),
      assumption: () => undefined,
    });
    return { settings, problems };
  };

  test('scores for each class are suppressed here, and those of the graph are not', () => {
    const raw = [spec('boxes', [-1, 9, 4]), spec('scores', [-1, 9, 80])];
    const done = [...raw.slice(0, 1), spec('scores', [-1, 9]), spec('classes', [-1, 9])];

    expect(resolve(raw).settings).toMatchObject({ nms: 0.5, format: 'xyxy', classOffset: 0 });
    expect(resolve(done).settings).toMatchObject({ nms: undefined, classes: 'classes' });
  });

  test('contradictions are named', () => {
    const outputs = [spec('a', [-1, 9, 5]), spec('b', [-1, 9])];

    expect(resolve(outputs).problems).toEqual([
      'the task object-detection needs outputs with boxes and scores; say which in model.json.outputs, as the signature has "a" DT_FLOAT [?, 9, 5], "b" DT_FLOAT [?, 9]',
    ]);
    expect(resolve(outputs, { outputs: { boxes: 'a', scores: 'b', count: 'z' } }).problems).toEqual(
      [
        'model.json.outputs.count: there is no tensor "z"; the signature has "a" DT_FLOAT [?, 9, 5], "b" DT_FLOAT [?, 9]',
        'model.json.outputs.boxes: boxes are [rows, boxes, 4], and this is "a" DT_FLOAT [?, 9, 5]',
      ],
    );
  });
});
