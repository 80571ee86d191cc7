import sharp from 'sharp';

import { placeAsIs, placeInTarget } from '../../../src/imaging/geometry';
import { indexedPng, type Colour } from '../../../src/imaging/indexed-png';
import { atOnce } from '../../../src/kernel/time-slices';
import { resample } from '../../../src/tasks/image-segmentation/resample';
import { resolveSegmentation } from '../../../src/tasks/image-segmentation/resolve';
import { maskPng } from '../../../src/tasks/image-segmentation/pictures';
import { NOT_SHOWN, segment } from '../../../src/tasks/image-segmentation/segment';
import type { SegmentationSettings } from '../../../src/tasks/image-segmentation/settings';
import { imageSegmentation } from '../../../src/tasks/image-segmentation/task';
import type { TaskTools } from '../../../src/tasks/task';
import { floats, spec } from '../../support/tensors';

const SETTINGS: SegmentationSettings = {
  mask: 'mask',
  kind: 'scores',
  activation: 'none',
  layout: 'NHWC',
  threshold: 0.5,
  background: undefined,
};
const SIZE = { width: 2, height: 2 };
const AS_IS = { placement: placeAsIs(SIZE, 1), fed: SIZE, original: SIZE };

describe('a mask', () => {
  test('of scores has the best class of each pixel, the first of equals, and its mean score', () => {
    const scores = [0.9, 0.1, 0.5, 0.5, 0.2, 0.8, 0.4, 0.6];
    const nchw = [0.9, 0.5, 0.2, 0.4, 0.1, 0.5, 0.8, 0.6];

    for (const [layout, shape, values] of [
      ['NHWC', [1, 2, 2, 2], scores],
      ['NCHW', [1, 2, 2, 2], nchw],
    ] as const) {
      const { classes, found } = atOnce(
        segment(floats('mask', [...shape], [...values]), AS_IS, { ...SETTINGS, layout }),
      );
      expect([...classes]).toEqual([0, 0, 1, 1]);
      expect(found.get(0)).toEqual({ area: 2, score: expect.closeTo(0.7) as number });
      expect(found.get(1)).toEqual({ area: 2, score: expect.closeTo(0.7) as number });
    }
  });

  test('of logits has the scores of softmax', () => {
    const logits = floats('mask', [1, 1, 1, 2], [0, Math.log(3)]);
    const one = { width: 1, height: 1 };
    const picture = { placement: placeAsIs(one, 1), fed: one, original: one };

    const { found } = atOnce(segment(logits, picture, { ...SETTINGS, activation: 'softmax' }));

    expect(found.get(1)).toEqual({ area: 1, score: expect.closeTo(0.75) as number });
  });

  test('of indices has no scores, and takes whole numbers of any type', () => {
    const indices = { name: 'mask', dtype: 'int64' as const, shape: [1, 2, 2] };
    const { classes, found } = atOnce(
      segment({ ...indices, data: BigInt64Array.of(0n, 7n, 7n, 7n) }, AS_IS, {
        ...SETTINGS,
        kind: 'indices',
      }),
    );

    expect([...classes]).toEqual([0, 7, 7, 7]);
    expect(found.get(7)).toEqual({ area: 3, score: undefined });
  });

  test('of a class that no byte holds, or of NaN, fails', () => {
    const far = floats('mask', [1, 2, 2], [0, 256, 0, 0]);
    const nan = floats('mask', [1, 2, 2, 1], [0, NaN, 0, 0]);

    expect(() => atOnce(segment(far, AS_IS, { ...SETTINGS, kind: 'indices' }))).toThrow(
      'class 256',
    );
    expect(() => atOnce(segment(nan, AS_IS, { ...SETTINGS, kind: 'probability' }))).toThrow(
      'scores that are not numbers',
    );
  });

  test('leaves bars out, and calls what was cut off nothing', () => {
    const original = { width: 4, height: 2 };
    const fed = { width: 4, height: 4 };
    const values = [9, 9, 9, 9, 1, 1, 2, 2, 1, 1, 2, 2, 9, 9, 9, 9];
    const indices = floats('mask', [1, 4, 4], values);
    const settings = { ...SETTINGS, kind: 'indices' } as const;
    const contain = placeInTarget(original, fed, 'contain', 1);
    const cover = placeInTarget(original, { width: 2, height: 2 }, 'cover', 1);

    const whole = atOnce(segment(indices, { placement: contain, fed, original }, settings));
    const square = atOnce(
      segment(
        floats('mask', [1, 2, 2], [1, 2, 1, 2]),
        { placement: cover, fed: { width: 2, height: 2 }, original },
        settings,
      ),
    );

    expect([...whole.classes]).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
    expect([...square.classes]).toEqual([NOT_SHOWN, 1, 2, NOT_SHOWN, NOT_SHOWN, 1, 2, NOT_SHOWN]);
    expect([...square.found.keys()]).toEqual([1, 2]);
  });
});

test('resampling aligns centres as PIL does', () => {
  const plane = { values: Uint8Array.of(0, 100), width: 2, height: 1 };
  const part = { left: 0, top: 0, width: 2, height: 1 };
  const size = { width: 4, height: 1 };
  const into = { left: 0, top: 0, ...size };

  const linear = resample(plane, part, into, size, { kernel: 'linear', outside: 0 });
  const nearest = resample(plane, part, into, size, { kernel: 'nearest', outside: 0 });

  // PIL: Image.fromarray(np.uint8([[0, 100]])).resize((4, 1), Image.BILINEAR)
  expect([...atOnce(linear)]).toEqual([0, 25, 75, 100]);
  expect([...atOnce(nearest)]).toEqual([0, 0, 100, 100]);
});

describe('a PNG of indices', () => {
  const colour = (index: number): Colour => [index, 255 - index, index ^ 0x55];

  test.each([1, 2, 3, 4, 5, 16, 17, 256])('with %i colours shows them', async (colours) => {
    const [width, height] = [13, 7];
    const palette = Array.from({ length: colours }, (_, i) => colour(i));
    const indices = Uint8Array.from({ length: width * height }, (_, i) => (i * 31) % colours);

    const png = await indexedPng(indices, { width, height }, palette);

    const { data, info } = await sharp(png)
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width, height, channels: 3 });
    expect([...data]).toEqual([...indices].flatMap((index) => [...colour(index)]));
  });

  test('of another size than its pixels, or without colours, is refused', async () => {
    const size = { width: 2, height: 2 };

    await expect(indexedPng(new Uint8Array(3), size, [colour(0)])).rejects.toThrow('2×2');
    await expect(indexedPng(new Uint8Array(4), size, [])).rejects.toThrow('1 to 256');
  });
});

describe('what a segmentation says of itself', () => {
  const resolve = (output: ReturnType<typeof spec>, config = {}, labels?: readonly string[]) => {
    const problems: string[] = [];
    const signature = { inputs: [], outputs: [output], methodName: '' };
    const settings = resolveSegmentation({ signature, image: undefined, labels }, config, {
      problem: (text) => problems.push(text),
      assumption: () => undefined,
    });
    return { settings, problems };
  };

  test('one channel is a probability, several exclude each other, whole numbers are classes', () => {
    expect(resolve(spec('mask', [-1, 8, 8, 1])).settings?.kind).toBe('probability');
    expect(resolve(spec('mask', [-1, 8, 8, 21])).settings?.kind).toBe('scores');
    expect(resolve(spec('mask', [-1, 8, 8], 'int32')).settings?.kind).toBe('indices');
  });

  test('a first label of that name is the background', () => {
    const labels = ['__background__', 'cat'];

    expect(resolve(spec('m', [-1, 8, 8, 2]), {}, labels).settings?.background).toBe(0);
    expect(
      resolve(spec('m', [-1, 8, 8, 2]), { background: false }, labels).settings?.background,
    ).toBeUndefined();
  });

  test('contradictions are named', () => {
    expect(resolve(spec('m', [-1, 8])).problems).toEqual([
      'model.json.outputs.mask: a mask is [rows, height, width, classes] or [rows, height, width], and this is "m" DT_FLOAT [?, 8]',
    ]);
    expect(
      resolve(spec('m', [-1, 8, 8, 3]), { outputs: { mask: { activation: 'sigmoid' } } }, ['a'])
        .problems,
    ).toEqual([
      'model.json.outputs.mask.activation: sigmoid does not go with 3 classes; one class takes sigmoid, several take softmax',
      'model.json.labels: 1 labels, and output "m" has 3 classes',
    ]);
  });
});

describe('masks in JSON', () => {
  const WAY = {
    signatureName: '',
    signature: { inputs: [], outputs: [], methodName: '' },
    image: undefined,
  };
  const NO_TOOLS = {} as TaskTools;
  const photo = { width: 640, height: 480 };
  const picture = { placement: placeInTarget(photo, SIZE, 'fill', 1), fed: SIZE, original: photo };
  const plane = (value: (at: number) => number): number[] =>
    Array.from({ length: 64 * 64 }, (_, at) => value(at));

  test.each([
    ['of a whole picture', plane(() => 1)],
    ['of a half', plane((at) => (at % 64 < 32 ? 0.9 : 0.1))],
    ['that are torn', plane((at) => Math.abs(Math.sin(at * 12.9898)))],
  ])('%s are at most 1.4 times as long as their PNG', async (_, values) => {
    const settings = { ...SETTINGS, kind: 'probability' as const };
    const segmentation = atOnce(segment(floats('mask', [1, 64, 64, 1], values), picture, settings));
    const png = await maskPng(segmentation, 0);
    const model = { settings, labels: ['cat'], own: WAY, rewritten: undefined };
    const run = imageSegmentation.answering(model as never, {} as never, undefined, NO_TOOLS);

    const { data } = await run.postprocess({
      outputs: [floats('mask', [1, 64, 64, 1], values)],
      tensor: { ...picture.fed, placement: picture.placement, source: photo } as never,
      image: new Uint8Array(),
    });

    const [segmented] = data.segments as { mask: { b64: string } }[];
    expect(Buffer.from(segmented?.mask.b64 ?? '', 'base64')).toEqual(png);
    expect(JSON.stringify(segmented?.mask.b64).length).toBeLessThan(1.4 * png.length);
  });
});
