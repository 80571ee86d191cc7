import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { create } from '@bufbuild/protobuf';

import { DifferenceMeter, UnusableOutputError } from '../../src/commands/convert/difference-meter';
import { boolAttr, typeAttr, typeOf } from '../../src/rewriter/graph/attributes';
import { constantBytes } from '../../src/saved-model/constant-bytes';
import type { FlatGraph } from '../../src/rewriter/graph/flat-graph';
import { NotRewritableError } from '../../src/rewriter/not-rewritable';
import { convertGraph } from '../../src/commands/convert/precision/convert-graph';
import { convertModel } from '../../src/commands/convert/precision/convert-model';
import { toHalfBits } from '../../src/kernel/half-floats';
import {
  HALF_DTYPES,
  HALF_TYPES,
  type SimplePrecision,
} from '../../src/commands/convert/precision/precision';
import {
  AttrValueSchema,
  AttrValue_ListValueSchema,
  DataType,
  type MetaGraphDef,
} from '../../src/saved-model/protobuf/tensorflow_pb';
import { readServedGraph, writeSavedModel } from '../../src/saved-model/saved-model-file';
import type { LoadedModel } from '../../src/runtime/backend';
import { TfjsBackend } from '../../src/runtime/tfjs-backend';
import type { Tensor } from '../../src/kernel/tensor';
import { convolution, FLOAT, graphOf, mean, metaOf, weights } from '../support/graph-model';
import { FIXTURES, removeFolder } from '../support/service';
import { numbersOf } from '../support/tensors';

const IMAGES = [-1, 8, 8, 3];
const backend = new TfjsBackend();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'precision-'));
});
afterAll(() => removeFolder(folder));

let models = 0;
async function load(meta: MetaGraphDef): Promise<LoadedModel> {
  models += 1;
  const directory = path.join(folder, String(models));
  await writeSavedModel(directory, meta);
  return backend.loadModel(directory);
}

function input(shape: readonly number[], scale = 1): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Float32Array.from({ length: count }, (_, i) => scale * Math.cos(i * 0.7));
  return { name: 'x', dtype: 'float32', shape, data };
}

function difference(a: readonly Tensor[], b: readonly Tensor[]): number {
  const meter = new DifferenceMeter();
  a.forEach((tensor, i) => {
    meter.add(tensor, b[i] ?? tensor);
  });
  return meter.result().maxRelative;
}

/** Two convolutions with a way round the second, then a classifier. */
function network(): MetaGraphDef {
  const graph = graphOf(IMAGES, (g) => {
    convolution(g, 'conv1', 'x', weights(g, 'w1', [3, 3, 3, 40], 0.3));
    g.add('bias1', 'BiasAdd', ['conv1', weights(g, 'b1', [40])], FLOAT);
    g.add('relu1', 'Relu', ['bias1'], FLOAT);
    convolution(g, 'conv2', 'relu1', weights(g, 'w2', [3, 3, 40, 40], 0.1));
    g.add('bias2', 'BiasAdd', ['conv2', weights(g, 'b2', [40])], FLOAT);
    g.add('sum', 'AddV2', ['bias2', 'relu1'], FLOAT);
    g.add('relu2', 'Relu6', ['sum'], FLOAT);
    mean(g, 'mean', 'relu2');
    g.add('product', 'MatMul', ['mean', weights(g, 'w3', [40, 30], 0.5)], FLOAT);
    g.add('scores', 'BiasAdd', ['product', weights(g, 'b3', [30])], FLOAT);
    g.add('softmax', 'Softmax', ['scores'], FLOAT);
  });
  return metaOf(graph, IMAGES, { scores: { node: 'scores' }, classes: { node: 'softmax' } });
}

function typeOfNode(meta: MetaGraphDef, name: string): DataType | undefined {
  const node = meta.graphDef?.node.find((one) => one.name === name);
  return node === undefined ? undefined : typeOf(node.attr, 'T');
}

function countOf(meta: MetaGraphDef, op: string): number {
  return meta.graphDef?.node.filter((node) => node.op === op).length ?? 0;
}

/** All outputs, relative to the largest; about twice of what was measured. */
const CLOSE: Readonly<Record<SimplePrecision, number>> = {
  fp16: 4e-3,
  bf16: 3e-2,
  'int8-weights': 5e-2,
};

test.each(Object.keys(CLOSE) as SimplePrecision[])(
  'in %s a network answers nearly the same, through the same signature',
  async (precision) => {
    const meta = network();

    const { converted } = convertGraph(meta, precision);

    expect(converted.signatureDef).toEqual(meta.signatureDef);
    const [original, reduced] = [await load(meta), await load(converted)];
    expect(reduced.signatures).toEqual(original.signatures);
    for (const rows of [1, 3]) {
      const inputs = [input([rows, 8, 8, 3])];
      const change = difference(
        original.run('serving_default', inputs),
        reduced.run('serving_default', inputs),
      );
      expect(change).toBeGreaterThan(0);
      expect(change).toBeLessThan(CLOSE[precision]);
    }
    original.dispose();
    reduced.dispose();
  },
);

test.each(['fp16', 'bf16'] as const)(
  'in %s convolutions and what lies between them change their type, with few casts',
  (precision) => {
    const { converted, report } = convertGraph(network(), precision);

    const half = ['conv1', 'bias1', 'relu1', 'conv2', 'product'];
    const float = ['bias2', 'sum', 'relu2', 'mean', 'scores', 'softmax'];
    expect(half.map((name) => typeOfNode(converted, name))).toEqual(
      half.map(() => HALF_TYPES[precision]),
    );
    expect(float.map((name) => typeOfNode(converted, name))).toEqual(
      float.map(() => DataType.DT_FLOAT),
    );
    // Into the network, out of it on both ways to the sum, and round the matrix product.
    expect(countOf(converted, 'Cast')).toBe(5);
    expect(report).toEqual({ precision, halfOperations: 5, casts: 5 });
  },
);

test('weights take half the bytes in 16 bits and about a quarter in 8', () => {
  const meta = network();
  const bytes = (precision: SimplePrecision): number =>
    constantBytes(convertGraph(meta, precision).converted) / constantBytes(meta);

  expect(bytes('bf16')).toBeCloseTo(0.5, 1);
  expect(bytes('int8-weights')).toBeLessThan(0.28);
});

test('small constants and those that are more than weights are not quantised', () => {
  const graph = graphOf([-1, 8, 8, 40], (g) => {
    convolution(g, 'conv', 'x', weights(g, 'shared', [1, 1, 40, 40]));
    convolution(g, 'again', 'conv', 'shared');
    convolution(g, 'small', 'again', weights(g, 'few', [1, 1, 40, 20]));
    convolution(g, 'other', 'again', weights(g, 'also added', [1, 1, 40, 40]));
    g.add('added', 'AddV2', ['other', 'also added'], FLOAT);
  });

  const { converted, report } = convertGraph(
    metaOf(graph, [-1, 8, 8, 40], { small: { node: 'small' }, added: { node: 'added' } }),
    'int8-weights',
  );

  expect(report).toEqual({ precision: 'int8-weights', quantized: 1, values: 1600 });
  const inputsOf = (name: string): readonly string[] | undefined =>
    converted.graphDef?.node.find((node) => node.name === name)?.input;
  expect(inputsOf('again')?.[1]).toBe(inputsOf('conv')?.[1]);
  expect(inputsOf('small')).toEqual(['again', 'few']);
  expect(inputsOf('other')).toEqual(['again', 'also added']);
});

test('depthwise weights and transposed matrices have their scales along the right dimensions', async () => {
  const shape = [-1, 4, 4, 64];
  const graph = graphOf(shape, (g) => {
    const filter = weights(g, 'filter', [3, 3, 64, 2], 1);
    convolution(g, 'depthwise', 'x', filter);
    g.get('depthwise').op = 'DepthwiseConv2dNative';
    mean(g, 'mean', 'depthwise');
    g.add('product', 'MatMul', ['mean', weights(g, 'matrix', [20, 128])], {
      ...FLOAT,
      transpose_b: boolAttr(true),
    });
  });
  // Channels a thousand times larger than others: one scale for all would lose the small ones.
  growRows(graph, 'matrix', 128);
  const meta = metaOf(graph, shape, { y: { node: 'product' } });

  const { converted } = convertGraph(meta, 'int8-weights');

  const [original, reduced] = [await load(meta), await load(converted)];
  const inputs = [input([2, 4, 4, 64])];
  const [a] = original.run('serving_default', inputs);
  const [b] = reduced.run('serving_default', inputs);
  const column = (tensor: Tensor | undefined): Tensor[] => [
    {
      name: 'y',
      dtype: 'float32',
      shape: [1],
      data: Float32Array.from(numbersOf(tensor).slice(0, 1)),
    },
  ];
  expect(difference(column(a), column(b))).toBeLessThan(0.05);
  original.dispose();
  reduced.dispose();
});

function growRows(graph: FlatGraph, name: string, columns: number): void {
  const value = graph.get(name).attr.value?.value;
  if (value?.case !== 'tensor') throw new Error(`${name} has no value`);
  const { tensorContent: bytes } = value.value;
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  values.forEach((one, i) => (values[i] = one * 10 ** (3 * (Math.floor(i / columns) % 2))));
}

test('a constant beyond the range of fp16 keeps its operation in float32', () => {
  const large = (name: string, scale: number): MetaGraphDef => {
    const graph = graphOf([-1, 8], (g) => {
      g.add(name, 'MatMul', ['x', weights(g, 'w', [8, 8], scale)], FLOAT);
      g.add('y', 'Softmax', [name], FLOAT);
    });
    return metaOf(graph, [-1, 8], { y: { node: 'y' } });
  };

  expect(() => convertGraph(large('product', 1e6), 'fp16')).toThrow(NotRewritableError);
  expect(convertGraph(large('product', 1e6), 'bf16').report).toMatchObject({ halfOperations: 1 });
  expect(convertGraph(large('product', 1e4), 'fp16').report).toMatchObject({ halfOperations: 1 });
});

test('sums that overflow in fp16 are noticed', async () => {
  const graph = graphOf([-1, 8], (g) => {
    g.add('product', 'MatMul', ['x', weights(g, 'w', [8, 8], 6e4)], FLOAT);
    g.add('y', 'Identity', ['product'], FLOAT);
  });
  const meta = metaOf(graph, [-1, 8], { y: { node: 'y' } });
  const [original, reduced] = [await load(meta), await load(convertGraph(meta, 'fp16').converted)];
  const inputs = [input([1, 8], 100)];

  const compare = (): number =>
    difference(original.run('serving_default', inputs), reduced.run('serving_default', inputs));

  expect(compare).toThrow(UnusableOutputError);
  original.dispose();
  reduced.dispose();
});

test.each(['fp16', 'bf16'] as const)(
  '%s constants are rounded as TensorFlow rounds',
  async (precision) => {
    const edges = [0, -0, 1, 65504, 65519, 65520, -1e9, 2 ** -14, 2 ** -24, 2 ** -25, 3 * 2 ** -26];
    const spread = Array.from({ length: 4000 }, (_, i) => Math.sin(i) * 2 ** ((i % 60) - 40));
    const values = Float32Array.from([
      ...edges,
      Infinity,
      NaN,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      ...spread,
    ]);
    const graph = graphOf([-1], (g) => {
      const half = typeAttr(HALF_TYPES[precision]);
      g.add('half', 'Cast', ['x'], { SrcT: typeAttr(DataType.DT_FLOAT), DstT: half });
      g.add('bytes', 'Bitcast', ['half'], { T: half, type: typeAttr(DataType.DT_UINT8) });
    });
    const model = await load(
      metaOf(graph, [-1], { bytes: { node: 'bytes', dtype: DataType.DT_UINT8 } }),
    );

    const [bytes] = model.run('serving_default', [
      { name: 'x', dtype: 'float32', shape: [values.length], data: values },
    ]);

    const expected = new Uint8Array(toHalfBits(values, HALF_DTYPES[precision]).buffer);
    expect(Buffer.from(bytes?.data as Uint8Array)).toEqual(Buffer.from(expected));
    model.dispose();
  },
);

test('a node that was to stand beside weights that are gone can still be loaded', async () => {
  const meta = network();
  const conv = meta.graphDef?.node.find(({ name }) => name === 'conv1');
  const place = create(AttrValue_ListValueSchema, { s: [Buffer.from('loc:@w1')] });
  if (conv !== undefined) {
    conv.attr._class = create(AttrValueSchema, { value: { case: 'list', value: place } });
  }

  const reduced = await load(convertGraph(meta, 'bf16').converted);

  expect(reduced.run('serving_default', [input([1, 8, 8, 3])])).toHaveLength(2);
  reduced.dispose();
});

test('a model as Keras exports it is frozen first, both of its signatures are converted', async () => {
  const target = path.join(folder, 'keras');
  const folders = { float32: path.join(target, 'a'), converted: path.join(target, 'b') };
  await writeSavedModel(target, network());

  const conversion = await convertModel(
    path.join(FIXTURES, 'models/keras_network/1'),
    folders,
    'fp16',
    () => backend,
  );

  expect(conversion.weightBytes.converted).toBeLessThan(0.55 * conversion.weightBytes.float32);
  expect(await readdir(folders.converted)).toEqual(['saved_model.pb']);
  const { signatureDef } = readServedGraph(folders.converted);
  expect(Object.keys(signatureDef).sort()).toEqual(['serve', 'serving_default']);
});

test('a frozen model is converted, its result is not converted again', async () => {
  const frozen = path.join(folder, 'frozen');
  await writeSavedModel(frozen, network());
  const folders = (name: string) => ({
    float32: path.join(frozen, `${name}32`),
    converted: path.join(frozen, name),
  });
  await convertModel(frozen, folders('int8'), 'int8-weights', () => backend);

  const again = convertModel(folders('int8').converted, folders('fp16'), 'fp16', () => backend);

  await expect(again).rejects.toThrow('its precision is int8-weights already');
});

test('a model without a convolution or matrix product is refused with the reason', async () => {
  const half = convertModel(
    path.join(FIXTURES, 'models/half_plus_two/1'),
    { float32: path.join(folder, 'half32'), converted: path.join(folder, 'half16') },
    'bf16',
    () => backend,
  );

  await expect(half).rejects.toThrow(/no convolution or matrix product/);
});
