import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { writeNormalized } from '../../src/imaging/normalize';
import {
  IMAGE_SIGNATURE,
  PIXELS_IN,
  PIXELS_OUT,
  TOP_INDICES,
  TOP_SCORES,
  type ImagePlan,
} from '../../src/rewriter/image/image-plan';
import { rewriteModel, type RewriteReport } from '../../src/rewriter/rewrite-model';
import { classify, rankedPredictions } from '../../src/outputs/classification';
import { toImage } from '../../src/outputs/generated-image';
import { TfjsBackend } from '../../src/runtime/tfjs-backend';
import type { LoadedModel } from '../../src/runtime/backend';
import { sliceRows, type Tensor } from '../../src/kernel/tensor';
import { writePictureModel, type PictureModel } from '../support/picture-model';
import { removeFolder } from '../support/service';
import { floats, numbersOf } from '../support/tensors';

const SCALED = { kind: 'scaled', gain: 1, shift: 0 } as const;
const ROW = [3, 4] as const;

let folder: string;
const loaded: LoadedModel[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'image-graph-'));
});
afterEach(async () => {
  for (const model of loaded.splice(0)) model.dispose();
  await removeFolder(folder);
});

function planOf(
  input: Partial<ImagePlan['input']>,
  postprocess: ImagePlan['postprocess'],
  rest: Partial<ImagePlan> = {},
): ImagePlan {
  return {
    signature: 'serving_default',
    input: {
      name: 'x',
      dtype: 'float32',
      layout: 'NHWC',
      colorOrder: 'rgb',
      normalization: 'none',
      ...input,
    },
    outputs: ['y'],
    preprocess: true,
    postprocess,
    sizes: [[6, 4]],
    ...rest,
  };
}

async function rewrite(
  model: PictureModel,
  plan: ImagePlan,
): Promise<{ report: RewriteReport; original: LoadedModel; rewritten: LoadedModel }> {
  const source = path.join(folder, 'source');
  const target = path.join(folder, 'target');
  await writePictureModel(source, model);
  const report = await rewriteModel(source, target, () => new TfjsBackend(), { image: plan });
  const backend = new TfjsBackend();
  const [original, rewritten] = [backend.loadModel(source), backend.loadModel(target)];
  loaded.push(original, rewritten);
  return { report, original, rewritten };
}

/** Different in every place: rows of `height` × `width` RGB. */
function pixels(rows: number, [height, width]: readonly [number, number] = ROW): Tensor {
  const data = Uint8Array.from(
    { length: rows * height * width * 3 },
    (_, i) => (i * 37 + 11) % 256,
  );
  return { name: PIXELS_IN, dtype: 'uint8', shape: [rows, height, width, 3], data };
}

function run(model: LoadedModel, input: Tensor, ...outputs: string[]): Tensor[] {
  return model.run(IMAGE_SIGNATURE, [input], outputs);
}

describe('pixels become the input of the model in the graph as they do outside of it', () => {
  test.each<[ImagePlan['input']['normalization'], 'NHWC' | 'NCHW', 'rgb' | 'bgr']>([
    ['none', 'NHWC', 'bgr'],
    ['zero-to-one', 'NHWC', 'rgb'],
    ['minus-one-to-one', 'NCHW', 'rgb'],
    ['imagenet', 'NHWC', 'bgr'],
    ['imagenet', 'NCHW', 'bgr'],
    [{ mean: [103.9, 116.8, 123.7], std: [58, 57, 57] }, 'NCHW', 'rgb'],
    [{ mean: [127], std: [128] }, 'NHWC', 'rgb'],
  ])('%j, %s, %s', async (normalization, layout, colorOrder) => {
    const { report, rewritten } = await rewrite(
      { layout, network: SCALED },
      planOf({ layout, colorOrder, normalization }, undefined),
    );
    const input = pixels(1);
    const expected = new Float32Array(input.data.length);
    writeNormalized(input.data as Uint8Array, expected, normalization, {
      height: ROW[0],
      width: ROW[1],
      channels: 3,
      layout,
      bgr: colorOrder === 'bgr',
    });

    const [prepared] = run(rewritten, input, 'y');

    expect(report.image).toEqual({ preprocess: true, postprocess: false });
    expect(prepared?.shape).toEqual(layout === 'NHWC' ? [1, ...ROW, 3] : [1, 3, ...ROW]);
    const numbers = numbersOf(prepared);
    expect(numbers).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(numbers[i]).toBeCloseTo(value, 4);
  });
});

test('any number of rows and any size run, and the signature of the model stays as it was', async () => {
  const { original, rewritten } = await rewrite(
    { network: SCALED },
    planOf({ normalization: 'zero-to-one' }, undefined),
  );

  for (const [rows, size] of [[2, ROW] as const, [1, [5, 2]] as const]) {
    const input = pixels(rows, size);
    expect(run(rewritten, input, 'y')[0]?.shape).toEqual([rows, ...size, 3]);
  }
  expect(rewritten.signatures.serving_default).toEqual({
    ...original.signatures.serving_default,
    outputs: [expect.objectContaining({ name: 'y', dtype: 'float32', shape: [-1, -1, -1, 3] })],
  });
  const fed = floats('x', [1, 1, 1, 3], [0.25, 0.5, 7]);
  expect(numbersOf(rewritten.run('serving_default', [fed])[0])).toEqual([0.25, 0.5, 7]);
});

test.each([['int32'], ['uint8']] as const)('an input of %s takes the pixels', async (dtype) => {
  const { report, rewritten } = await rewrite(
    { dtype, network: SCALED },
    planOf({ dtype, colorOrder: 'bgr' }, undefined),
  );

  const [first, second, third] = numbersOf(run(rewritten, pixels(1), 'y')[0]);

  expect(report.image).toEqual({ preprocess: true, postprocess: false });
  expect([first, second, third]).toEqual([85, 48, 11]);
});

test.each([
  [{ colorOrder: 'grayscale' }, { channels: 1 }, /grey pixels/],
  [{ dtype: 'int32', normalization: 'imagenet' }, { dtype: 'int32' }, /whole numbers/],
] as const)('%j stays outside the graph, with the reason', async (input, model, reason) => {
  const { report, rewritten } = await rewrite(
    { ...model, network: SCALED },
    planOf(input, { kind: 'pixels', valueRange: [0, 255], layout: 'NHWC' }),
  );

  expect(report.image).toEqual({
    preprocess: false,
    postprocess: true,
    reason: expect.stringMatching(reason),
  });
  expect(rewritten.signatures[IMAGE_SIGNATURE]?.inputs[0]?.name).toBe('x');
});

describe('the best classes of the graph are those that are found outside of it', () => {
  // The third and the fifth are equal.
  const weights = [
    [1, -2, 3, 0, 3, 0.5],
    [0, 1, -1, 0, -1, 2],
    [2, 0, 1, 0, 1, -1],
  ];
  test.each([
    ['softmax', 3],
    ['sigmoid', 4],
    ['none', 6],
    ['softmax', 50],
  ] as const)('%s, %d classes', async (activation, k) => {
    const { report, original, rewritten } = await rewrite(
      { network: { kind: 'classes', weights } },
      planOf({ normalization: 'imagenet' }, { kind: 'classes', activation, k }),
    );
    const input = pixels(2);
    const [scores, indices, logits] = run(rewritten, input, TOP_SCORES, TOP_INDICES, 'y');

    expect(report.image).toEqual({ preprocess: true, postprocess: true });
    expect(Object.keys(original.signatures)).toEqual(['serving_default']);
    for (const row of [0, 1]) {
      const of = (tensor: Tensor | undefined): Tensor => {
        if (tensor === undefined) throw new Error('an output is missing');
        return sliceRows(tensor, row, 1);
      };
      const expected = classify(of(logits), { activation, labels: undefined, topK: k });
      const ranked = rankedPredictions(of(scores), of(indices), { labels: undefined, topK: k });
      expect(ranked.map(({ index }) => index)).toEqual(expected.map(({ index }) => index));
      for (const [place, { score }] of expected.entries()) {
        expect(ranked[place]?.score).toBeCloseTo(score, 5);
      }
    }
  });

  test('scores that are no numbers leave the ranking outside, and it counts as dropped', async () => {
    const broken = weights.map((row) => row.with(1, NaN));
    const { report } = await rewrite(
      { network: { kind: 'classes', weights: broken } },
      planOf({}, { kind: 'classes', activation: 'none', k: 2 }),
    );

    expect(report.image).toEqual({
      preprocess: true,
      postprocess: false,
      reason: expect.stringMatching(/after the network: .*not numbers/),
      dropped: true,
    });
  });

  test.each([['softmax'], ['sigmoid'], ['none']] as const)(
    'with %s one score that is not a number makes all of them none',
    async (activation) => {
      // A mean of numbers up to 255 is finite, and infinite times 0 is no number.
      const { rewritten } = await rewrite(
        { network: { kind: 'classes', weights } },
        planOf({}, { kind: 'classes', activation, k: 2 }, { preprocess: false }),
      );
      const input = floats('x', [1, 1, 1, 3], [NaN, 1, 1]);

      const [scores] = run(rewritten, input, TOP_SCORES);

      expect(numbersOf(scores)).toEqual([NaN, NaN]);
    },
  );
});

describe('a picture of the graph is the one that is made outside of it', () => {
  test.each<[readonly [number, number], number, number, 'NHWC' | 'NCHW', 'float32' | 'int32']>([
    [[0, 255], 1.5, -40, 'NHWC', 'float32'],
    [[0, 255], 0.5, 0, 'NHWC', 'float32'],
    [[0, 1], 1 / 128, -0.5, 'NCHW', 'float32'],
    [[-1, 1], 1 / 64, -2, 'NHWC', 'float32'],
    [[0, 51], 0.25, -4, 'NCHW', 'int32'],
  ])('values %j, pixel · %d + %d, %s, %s', async (valueRange, gain, shift, layout, answers) => {
    const { report, rewritten } = await rewrite(
      { layout, answers, network: { kind: 'scaled', gain, shift } },
      planOf({ layout }, { kind: 'pixels', valueRange, layout }),
    );
    const [whole, picture] = run(rewritten, pixels(1, [8, 12]), 'y', PIXELS_OUT);
    if (whole === undefined || picture === undefined) throw new Error('an output is missing');

    const expected = toImage(whole, { valueRange, layout });

    expect(report.image).toEqual({ preprocess: true, postprocess: true });
    expect(picture).toMatchObject({ dtype: 'uint8', shape: [1, 8, 12, 3] });
    expect([...(picture.data as Uint8Array)]).toEqual([...expected.pixels]);
  });

  test('what is no number becomes black', async () => {
    const { rewritten } = await rewrite(
      { network: { kind: 'quotient' } },
      planOf({}, { kind: 'pixels', valueRange: [0, 1], layout: 'NHWC' }),
    );
    const input: Tensor = { ...pixels(1, [1, 2]), data: Uint8Array.from([0, 9, 0, 9, 9, 0]) };

    expect(numbersOf(run(rewritten, input, PIXELS_OUT)[0])).toEqual([0, 255, 0, 255, 255, 0]);
  });
});

test('a model that has the signature already is left alone', async () => {
  await expect(
    rewrite(
      { network: SCALED, signature: IMAGE_SIGNATURE },
      planOf({}, undefined, { signature: IMAGE_SIGNATURE }),
    ),
  ).rejects.toThrow(/has a signature "tfjs_serving_image" of its own/);
});
