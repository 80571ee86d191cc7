import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import { DEFAULT_DECODE_LIMITS } from '../../src/imaging/open-image';
import { preprocessImage, type ImageTensor } from '../../src/imaging/preprocess';
import type { PreprocessSpec, TensorFlowKernel } from '../../src/imaging/preprocess-spec';
import { boolAttr } from '../../src/rewriter/graph/attributes';
import type { LoadedModel } from '../../src/runtime/backend';
import { TfjsBackend } from '../../src/runtime/tfjs-backend';
import { writeSavedModel } from '../../src/saved-model/saved-model-file';
import { FLOAT, graphOf, ints, metaOf } from '../support/graph-model';
import { removeFolder } from '../support/service';
import { numbersOf } from '../support/tensors';

/** Attributes of ResizeBilinear: what `tf.image.resize` without antialiasing runs, and TensorFlow 1's. */
const KERNELS: Readonly<Record<TensorFlowKernel, { corners: boolean; centres: boolean }>> = {
  'tf-bilinear': { corners: false, centres: true },
  'tf-bilinear-legacy': { corners: false, centres: false },
  'tf-bilinear-align-corners': { corners: true, centres: false },
};
const NAMES = Object.keys(KERNELS) as TensorFlowKernel[];
const TARGETS = [
  [32, 24],
  [7, 90],
  [1, 1],
  [224, 224],
  [224, 84],
] as const;
const SOURCES = [
  [64, 48],
  [33, 21],
  [5, 200],
  [301, 7],
  [1, 1],
  [32, 24],
] as const;
/** Of 255: what TensorFlow's 32 bits leave open. */
const CLOSE = 1e-4;

let folder: string;
let model: LoadedModel;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tensorflow-resize-'));
  const shape = [1, -1, -1, 3];
  const outputs: Record<string, { node: string }> = {};
  const graph = graphOf(shape, (built) => {
    for (const [name, { corners, centres }] of Object.entries(KERNELS)) {
      for (const [width, height] of TARGETS) {
        const node = outputName(name, width, height);
        built.add(node, 'ResizeBilinear', ['x', ints(built, `${node}_size`, [height, width])], {
          ...FLOAT,
          align_corners: boolAttr(corners),
          half_pixel_centers: boolAttr(centres),
        });
        outputs[node] = { node };
      }
    }
  });
  await writeSavedModel(folder, metaOf(graph, shape, outputs));
  model = new TfjsBackend().loadModel(folder);
});
afterAll(async () => {
  model.dispose();
  await removeFolder(folder);
});

function outputName(kernel: string, width: number, height: number): string {
  return `${kernel.replaceAll('-', '_')}_${width}_${height}`;
}

/** Random numbers, the same every time (a linear congruential generator). */
function randomPixels(width: number, height: number): Buffer {
  let state = width * 7919 + height;
  return Buffer.from(
    Array.from({ length: width * height * 3 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}

function resizedByTensorFlow(
  pixels: Uint8Array,
  source: readonly [number, number],
  kernel: TensorFlowKernel,
  target: readonly [number, number],
): number[] {
  const [width, height] = source;
  const input = {
    name: 'x',
    dtype: 'float32',
    shape: [1, height, width, 3],
    data: Float32Array.from(pixels),
  } as const;
  const [output] = model.run('serving_default', [input], [outputName(kernel, ...target)]);
  return numbersOf(output);
}

function specOf(
  kernel: TensorFlowKernel,
  [width, height]: readonly [number, number],
  rest: Partial<PreprocessSpec> = {},
): PreprocessSpec {
  return {
    size: { kind: 'fixed', width, height },
    fit: 'fill',
    padColor: '#102030',
    shrinkOnLoad: false,
    kernel,
    cropFraction: 1,
    colorOrder: 'rgb',
    layout: 'NHWC',
    dtype: 'float32',
    normalization: 'none',
    ...rest,
  };
}

async function resized(
  pixels: Uint8Array,
  [width, height]: readonly [number, number],
  spec: PreprocessSpec,
): Promise<ImageTensor> {
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return preprocessImage(png, spec, DEFAULT_DECODE_LIMITS);
}

function furthest(data: ImageTensor['data'], expected: readonly number[]): number {
  expect(data).toHaveLength(expected.length);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (data[i] ?? NaN))), 0);
}

describe.each(NAMES)('%s', (kernel) => {
  test.each(SOURCES)('pictures of %i × %i become what TensorFlow makes', async (...source) => {
    const pixels = randomPixels(...source);
    for (const target of TARGETS) {
      const { data } = await resized(pixels, source, specOf(kernel, target));

      expect(furthest(data, resizedByTensorFlow(pixels, source, kernel, target))).toBeLessThan(
        CLOSE,
      );
    }
  });

  test('whole numbers are the nearest to it', async () => {
    const pixels = randomPixels(64, 48);
    const expected = resizedByTensorFlow(pixels, [64, 48], kernel, [32, 24]);
    for (const dtype of ['uint8', 'int32'] as const) {
      const { data } = await resized(pixels, [64, 48], specOf(kernel, [32, 24], { dtype }));

      expect(furthest(data, expected)).toBeLessThan(0.5 + CLOSE);
    }
  });
});

test('normalisation, order of the colours and layout apply to the fractions', async () => {
  const pixels = randomPixels(33, 21);
  const expected = resizedByTensorFlow(pixels, [33, 21], 'tf-bilinear', [32, 24]);
  const normalization = { mean: [10, 20, 30], std: [2, 4, 8] };
  const spec = specOf('tf-bilinear', [32, 24], { normalization, colorOrder: 'bgr' });

  const nhwc = await resized(pixels, [33, 21], spec);
  const nchw = await resized(pixels, [33, 21], { ...spec, layout: 'NCHW' });

  const plane = 32 * 24;
  const blue = expected.filter((_, i) => i % 3 === 2).map((value) => (value - 30) / 8);
  expect(furthest(nchw.data.slice(0, plane), blue)).toBeLessThan(CLOSE);
  expect(
    furthest(
      nhwc.data.filter((_, i) => i % 3 === 0),
      blue,
    ),
  ).toBeLessThan(CLOSE);
});

test('grey is made of the resized colours', async () => {
  const pixels = randomPixels(33, 21);
  const rgb = resizedByTensorFlow(pixels, [33, 21], 'tf-bilinear', [32, 24]);
  const grey = rgb
    .filter((_, i) => i % 3 === 0)
    .map((red, i) => 0.299 * red + 0.587 * (rgb[3 * i + 1] ?? 0) + 0.114 * (rgb[3 * i + 2] ?? 0));

  const { data } = await resized(
    pixels,
    [33, 21],
    specOf('tf-bilinear', [32, 24], { colorOrder: 'grayscale' }),
  );

  expect(furthest(data, grey)).toBeLessThan(CLOSE);
});

test('cover resizes the middle, contain the whole between bars', async () => {
  const wide = randomPixels(64, 24);
  const rows = Array.from({ length: 24 }, (_, y) =>
    wide.subarray((y * 64 + 20) * 3, (y * 64 + 44) * 3),
  );
  const middle = resizedByTensorFlow(Buffer.concat(rows), [24, 24], 'tf-bilinear', [224, 224]);
  const whole = resizedByTensorFlow(wide, [64, 24], 'tf-bilinear', [224, 84]);

  const covered = await resized(
    wide,
    [64, 24],
    specOf('tf-bilinear', [224, 224], { fit: 'cover' }),
  );
  const contained = await resized(
    wide,
    [64, 24],
    specOf('tf-bilinear', [224, 224], { fit: 'contain' }),
  );

  expect(furthest(covered.data, middle)).toBeLessThan(CLOSE);
  const row = 224 * 3;
  expect(furthest(contained.data.slice(70 * row, 154 * row), whole)).toBeLessThan(CLOSE);
  expect([...contained.data.slice(70 * row - 3, 70 * row)]).toEqual([16, 32, 48]);
  expect([...contained.data.slice(154 * row, 154 * row + 3)]).toEqual([16, 32, 48]);
});
