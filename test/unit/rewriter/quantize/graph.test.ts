import {
  boolAttr,
  intAttr,
  intListAttr,
  textAttr,
  typeAttr,
} from '../../../../src/rewriter/graph/attributes';
import type { FlatGraph } from '../../../../src/rewriter/graph/flat-graph';
import { floatConstant } from '../../../../src/rewriter/graph/float-constants';
import { carriedTensors } from '../../../../src/rewriter/quantize/carried-operations';
import { absorbFakeQuantization } from '../../../../src/rewriter/quantize/fake-quantization';
import { endOfBias, findLayers } from '../../../../src/rewriter/quantize/find-layers';
import {
  layerGraph,
  measuredTensors,
  spreadOverTwins,
} from '../../../../src/rewriter/quantize/layer-graph';
import { sharedRanges } from '../../../../src/rewriter/quantize/shared-ranges';
import { structuralKeys } from '../../../../src/rewriter/quantize/structural-keys';
import { DataType } from '../../../../src/saved-model/protobuf/tensorflow_pb';
import { convolution, FLOAT, graphOf, ints, scalar, weights } from '../../../support/graph-model';

const SHAPE = [-1, 8, 8, 4];

/** conv1 → ReLU6 → conv2, and a sum of that with conv1's output; then a convolution of the sum. */
function residual(graph: FlatGraph): void {
  convolution(graph, 'conv1', 'x', weights(graph, 'w1', [1, 1, 4, 4]));
  graph.add('bias1', 'BiasAdd', ['conv1', weights(graph, 'b1', [4])], FLOAT);
  graph.add('relu1', 'Relu6', ['bias1'], FLOAT);
  convolution(graph, 'conv2', 'relu1', weights(graph, 'w2', [3, 3, 4, 4]));
  graph.add('bias2', 'BiasAdd', ['conv2', weights(graph, 'b2', [4])], FLOAT);
  graph.add('sum', 'AddV2', ['relu1', 'bias2'], FLOAT);
  graph.add('relu2', 'Relu', ['sum'], FLOAT);
  convolution(graph, 'conv3', 'relu2', weights(graph, 'w3', [1, 1, 4, 2]));
}

test('a layer takes in its bias, a sum and the activation that follow it', () => {
  const layers = findLayers(graphOf(SHAPE, residual), new Set());

  expect(layers.map(({ chain }) => chain)).toEqual([
    ['conv1', 'bias1', 'relu1'],
    ['conv2', 'bias2', 'sum', 'relu2'],
    ['conv3'],
  ]);
  expect(layers.map(({ summand }) => summand)).toEqual([undefined, 'relu1', undefined]);
  expect(layers.map(({ ceiling }) => ceiling)).toEqual([6, Infinity, undefined]);
  expect(layers.map(endOfBias)).toEqual(['bias1', 'bias2', 'conv3']);
});

test('what a signature names, and what others read, ends a layer', () => {
  const graph = graphOf(SHAPE, (g) => {
    residual(g);
    g.add('other', 'Neg', ['bias1'], FLOAT);
  });

  const [first, second] = findLayers(graph, new Set(['bias2']));

  expect(first?.chain).toEqual(['conv1', 'bias1']);
  expect(second?.chain).toEqual(['conv2', 'bias2']);
});

test('where two convolutions meet, one takes the sum', () => {
  const graph = graphOf(SHAPE, (g) => {
    convolution(g, 'a', 'x', weights(g, 'wa', [1, 1, 4, 4]));
    convolution(g, 'b', 'x', weights(g, 'wb', [1, 1, 4, 4]));
    g.add('sum', 'AddV2', ['a', 'b'], FLOAT);
  });

  const sums = findLayers(graph, new Set()).filter(({ summand }) => summand !== undefined);

  expect(sums).toHaveLength(1);
});

test.each<[string, (g: FlatGraph) => void]>([
  [
    'channels first',
    (g) => {
      convolution(g, 'c', 'x', weights(g, 'w', [1, 1, 4, 4]));
      g.get('c').attr.data_format = textAttr('NCHW');
    },
  ],
  [
    'weights that are computed',
    (g) => {
      g.add('w', 'Neg', [weights(g, 'w0', [1, 1, 4, 4])], FLOAT);
      convolution(g, 'c', 'x', 'w');
    },
  ],
  [
    'a depthwise multiplier',
    (g) => {
      convolution(g, 'c', 'x', weights(g, 'w', [3, 3, 4, 2]));
      g.get('c').op = 'DepthwiseConv2dNative';
    },
  ],
  [
    'a transposed matrix',
    (g) => {
      g.add('c', 'MatMul', ['x', weights(g, 'w', [4, 4])], {
        ...FLOAT,
        transpose_b: boolAttr(true),
      });
    },
  ],
])('%s has no kernel in 8 bits', (_, build) => {
  expect(findLayers(graphOf(SHAPE, build), new Set())).toEqual([]);
});

test('tensors that are joined share one range, and a ReLU inside a layer does not', () => {
  const graph = graphOf(SHAPE, (g) => {
    convolution(g, 'a', 'x', weights(g, 'wa', [1, 1, 4, 4]));
    g.add('relu', 'Relu', ['a'], FLOAT);
    convolution(g, 'b', 'x', weights(g, 'wb', [1, 1, 4, 4]));
    g.add('joined', 'ConcatV2', ['relu', 'b', ints(g, 'axis', [3], [])], {
      ...FLOAT,
      N: intAttr(2),
    });
  });
  const carried = carriedTensors(graph, findLayers(graph, new Set()));

  const ranges = sharedRanges(
    carried,
    new Map([
      ['a', { min: -9, max: 3 }],
      ['relu', { min: 0, max: 3 }],
      ['b', { min: -1, max: 5 }],
    ]),
  );

  expect([...carried]).toEqual([['joined', ['relu', 'b']]]);
  for (const tensor of ['relu', 'b', 'joined']) expect(ranges(tensor)).toEqual({ min: -1, max: 5 });
  expect(ranges('a')).toEqual({ min: -9, max: 3 });
  expect(ranges('x')).toBeUndefined();
});

test('layers at either end and islands are found', () => {
  const graph = graphOf(SHAPE, (g) => {
    residual(g);
    g.add('swish', 'Sigmoid', ['conv3'], FLOAT);
    convolution(g, 'conv4', 'swish', weights(g, 'w4', [1, 1, 2, 2]));
  });
  const layers = findLayers(graph, new Set());
  const structure = layerGraph(graph, layers);

  const islands = structure.islands(new Set(layers.map(({ node }) => node.name)));

  expect([...structure.first]).toEqual(['conv1']);
  expect([...structure.last]).toEqual(['conv4']);
  expect(islands.map((island) => island.map(({ node }) => node.name))).toEqual([
    ['conv1', 'conv2', 'conv3'],
    ['conv4'],
  ]);
  expect(structure.needed(['relu1']).map(({ node }) => node.name)).toEqual(['conv1']);
});

test('inputs, outputs, sums and what lies before them are measured', () => {
  const graph = graphOf(SHAPE, residual);

  expect([...measuredTensors(graph, findLayers(graph, new Set()))].sort()).toEqual(
    ['bias1', 'bias2', 'conv3', 'relu1', 'relu2', 'x'].sort(),
  );
});

test('a plan holds for what another signature computes in the same way', () => {
  const graph = graphOf(SHAPE, (g) => {
    g.add('x2', 'Placeholder', [], { dtype: typeAttr(DataType.DT_FLOAT) });
    weights(g, 'w', [1, 1, 4, 4]);
    weights(g, 'other', [1, 1, 4, 4], 2);
    convolution(g, 'a', 'x', 'w');
    convolution(g, 'twin', 'x2', 'w');
    convolution(g, 'stranger', 'x2', 'other');
  });
  const range = { min: 0, max: 1 };

  const plan = spreadOverTwins(graph, structuralKeys(graph), {
    layers: new Set(['a']),
    ranges: new Map([
      ['x', range],
      ['a', range],
    ]),
    means: new Map(),
    shapes: new Map(),
    fixedSizes: true,
  });

  expect([...plan.layers]).toEqual(['a', 'twin']);
  expect([...plan.ranges.keys()]).toEqual(['x', 'x2', 'a', 'twin']);
});

describe('models that were trained with fake quantisation', () => {
  test('bring the ranges of their activations, and weights that are rounded', () => {
    const graph = graphOf(SHAPE, (g) => {
      const limits = (name: string, low: number, high: number): string[] => [
        scalar(g, `${name}/low`, low),
        scalar(g, `${name}/high`, high),
      ];
      g.add('x/fake', 'FakeQuantWithMinMaxVars', ['x', ...limits('x', -2, 6)], {
        num_bits: intAttr(8),
      });
      weights(g, 'w', [1, 1, 4, 4]);
      g.add('w/fake', 'FakeQuantWithMinMaxVars', ['w', ...limits('w', -1.27, 1.27)], {
        num_bits: intAttr(8),
        narrow_range: boolAttr(true),
      });
      convolution(g, 'c', 'x/fake', 'w/fake');
      g.get('c').attr.strides = intListAttr([1, 1, 1, 1]);
    });
    const before = floatConstant(graph, 'w')?.values ?? [];

    const ranges = absorbFakeQuantization(graph, new Set(['c']));

    expect([...ranges]).toEqual([['x', { min: -2, max: 6 }]]);
    expect(graph.get('c').input).toEqual(['x', 'w/fake']);
    const after = floatConstant(graph, 'w/fake')?.values ?? [];
    expect(after.length).toBe(16);
    after.forEach((value, i) => {
      expect(value).toBeCloseTo(Math.round((before[i] ?? 0) * 100) / 100, 5);
    });
  });

  test('of another width stay as they are', () => {
    const graph = graphOf(SHAPE, (g) => {
      g.add('fake', 'FakeQuantWithMinMaxArgs', ['x'], { num_bits: intAttr(4) });
    });

    expect(absorbFakeQuantization(graph, new Set()).size).toBe(0);
    expect(graph.get('fake').op).toBe('FakeQuantWithMinMaxArgs');
  });
});
