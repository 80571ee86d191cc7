import { create } from '@bufbuild/protobuf';

import { bypassIdentities } from '../../../src/rewriter/graph/bypass-identities';
import { boolAttr, floatAttr, textAttr, typeAttr } from '../../../src/rewriter/graph/attributes';
import { dropIdleWaits } from '../../../src/rewriter/graph/drop-idle-waits';
import { FlatGraph } from '../../../src/rewriter/graph/flat-graph';
import {
  floatConstant,
  floatConstantAttributes,
} from '../../../src/rewriter/graph/float-constants';
import { foldConstants } from '../../../src/rewriter/graph/fold-constants';
import { foldScales } from '../../../src/rewriter/graph/fold-scales';
import { inlineCalls } from '../../../src/rewriter/graph/inline-calls';
import { mergeConstants } from '../../../src/rewriter/graph/merge-constants';
import { OpCatalog } from '../../../src/rewriter/graph/op-catalog';
import { NotRewritableError } from '../../../src/rewriter/not-rewritable';
import {
  AttrValueSchema,
  DataType,
  FunctionDefSchema,
} from '../../../src/saved-model/protobuf/tensorflow_pb';

const FLOAT = { T: typeAttr(DataType.DT_FLOAT) };

function graphOf(nodes: (graph: FlatGraph) => void): FlatGraph {
  const graph = new FlatGraph([]);
  graph.add('x', 'Placeholder', [], { dtype: typeAttr(DataType.DT_FLOAT) });
  nodes(graph);
  return graph;
}

function constant(graph: FlatGraph, name: string, shape: number[], values: number[]): void {
  graph.add(
    name,
    'Const',
    [],
    floatConstantAttributes({ shape, values: Float32Array.from(values) }),
  );
}

function call(name: string) {
  return {
    f: create(AttrValueSchema, { value: { case: 'func', value: { name } } }),
    Tout: create(AttrValueSchema, {
      value: { case: 'list', value: { type: [DataType.DT_FLOAT] } },
    }),
  };
}

describe('inlining calls', () => {
  const double = create(FunctionDefSchema, {
    signature: {
      name: 'double',
      inputArg: [{ name: 'a', type: DataType.DT_FLOAT }],
      outputArg: [{ name: 'b', type: DataType.DT_FLOAT }],
    },
    nodeDef: [
      { name: 'twice', op: 'AddV2', input: ['a', 'a', '^check'], attr: FLOAT },
      { name: 'check', op: 'Assert', input: [] },
    ],
    ret: { b: 'twice:z:0' },
    controlRet: { check: 'check' },
  });

  test('the nodes of the function take the place of the call, and its side effects stay', () => {
    const graph = graphOf((g) => g.add('call', 'StatefulPartitionedCall', ['x'], call('double')));

    const moved = inlineCalls(graph, new OpCatalog([], [double]));

    expect(moved('call:0')).toBe('call/output_0');
    expect(graph.get('call/output_0').input).toEqual(['call/twice', '^call/check']);
    expect(graph.get('call/twice').input).toEqual(['x', 'x', '^call/check']);
    expect(graph.find('call')).toBeUndefined();
  });

  test('a call of a call ends at the innermost nodes', () => {
    const graph = graphOf((g) => {
      g.add('first', 'PartitionedCall', ['x'], call('double'));
      g.add('second', 'PartitionedCall', ['first'], call('double'));
    });

    inlineCalls(graph, new OpCatalog([], [double]));

    expect(graph.get('second/twice').input.slice(0, 2)).toEqual([
      'first/output_0',
      'first/output_0',
    ]);
  });

  test('a function that calls itself is refused', () => {
    const endless = create(FunctionDefSchema, {
      signature: {
        name: 'endless',
        inputArg: [{ name: 'a', type: DataType.DT_FLOAT }],
        outputArg: [{ name: 'b', type: DataType.DT_FLOAT }],
      },
      nodeDef: [{ name: 'c', op: 'PartitionedCall', input: ['a'], attr: call('endless') }],
      ret: { b: 'c:output:0' },
    });
    const graph = graphOf((g) => g.add('call', 'PartitionedCall', ['x'], call('endless')));

    expect(() => inlineCalls(graph, new OpCatalog([], [endless]))).toThrow(NotRewritableError);
  });

  test('a call that XLA compiles stays as it is', () => {
    const attr = { ...call('double'), _XlaMustCompile: boolAttr(true) };
    const graph = graphOf((g) => {
      g.add('compiled', 'PartitionedCall', ['x'], attr);
      g.add('call', 'PartitionedCall', ['compiled'], call('double'));
    });

    inlineCalls(graph, new OpCatalog([], [double]));

    expect(graph.find('compiled')?.op).toBe('PartitionedCall');
    expect(graph.find('call')).toBeUndefined();
  });
});

describe('folding constants', () => {
  test('1 / sqrt(variance + epsilon) becomes one constant', () => {
    const graph = graphOf((g) => {
      constant(g, 'variance', [2], [3, 0]);
      constant(g, 'epsilon', [], [1]);
      g.add('sum', 'AddV2', ['variance', 'epsilon'], FLOAT);
      g.add('rsqrt', 'Rsqrt', ['sum'], FLOAT);
    });

    foldConstants(graph);

    expect(floatConstant(graph, 'rsqrt')).toEqual({
      shape: [2],
      values: Float32Array.from([0.5, 1]),
    });
  });

  test('what depends on an input stays', () => {
    const graph = graphOf((g) => {
      constant(g, 'one', [], [1]);
      g.add('sum', 'AddV2', ['x', 'one'], FLOAT);
    });

    foldConstants(graph);

    expect(graph.get('sum').op).toBe('AddV2');
  });
});

describe('folding scales into weights', () => {
  function convolution(build: (graph: FlatGraph) => void, format = 'NHWC'): FlatGraph {
    return graphOf((g) => {
      constant(g, 'weights', [1, 1, 1, 2], [1, 10]);
      constant(g, 'two_three', [2], [2, 3]);
      g.add('conv', 'Conv2D', ['x', 'weights'], { ...FLOAT, data_format: textAttr(format) });
      build(g);
    });
  }

  test('a factor and an addend per channel become weights and a bias', () => {
    const graph = convolution((g) => {
      g.add('mul', 'Mul', ['conv', 'two_three'], FLOAT);
      g.add('add', 'AddV2', ['mul', 'two_three'], FLOAT);
    });

    foldScales(graph, new Set(['add']));

    const end = graph.get('add');
    expect(end.op).toBe('BiasAdd');
    expect(end.input[0]).toBe('conv');
    expect(floatConstant(graph, end.input[1]!)?.values).toEqual(Float32Array.from([2, 3]));
    expect(floatConstant(graph, graph.get('conv').input[1]!)?.values).toEqual(
      Float32Array.from([2, 30]),
    );
  });

  test('batch normalisation is folded with its epsilon', () => {
    const graph = convolution((g) => {
      constant(g, 'ones', [2], [1, 1]);
      g.add('norm', 'FusedBatchNormV3', ['conv', 'two_three', 'ones', 'ones', 'two_three'], {
        ...FLOAT,
        is_training: boolAttr(false),
        epsilon: floatAttr(1),
      });
    });

    foldScales(graph, new Set(['norm']));

    const factors = [2 / Math.sqrt(3), 3 / Math.sqrt(4)];
    const weights = floatConstant(graph, graph.get('conv').input[1]!)?.values;
    expect(weights?.[0]).toBeCloseTo(factors[0]!);
    expect(weights?.[1]).toBeCloseTo(10 * factors[1]!);
    const bias = floatConstant(graph, graph.get('norm').input[1]!)?.values;
    expect(bias?.[0]).toBeCloseTo(1 - factors[0]!);
  });

  test.each([
    ['another reader needs the unscaled values', (g: FlatGraph) => g.add('too', 'Relu', ['conv'])],
    ['a signature answers the unscaled values', () => undefined],
  ])('nothing is folded when %s', (_, extra) => {
    const graph = convolution((g) => {
      g.add('mul', 'Mul', ['conv', 'two_three'], FLOAT);
      extra(g);
    });

    foldScales(graph, new Set(['mul', ...(graph.find('too') === undefined ? ['conv'] : [])]));

    expect(graph.get('mul').op).toBe('Mul');
  });

  test('a factor along the width of an NCHW tensor is not one per channel', () => {
    const graph = convolution((g) => g.add('mul', 'Mul', ['conv', 'two_three'], FLOAT), 'NCHW');

    foldScales(graph, new Set(['mul']));

    expect(graph.get('mul').op).toBe('Mul');
  });

  test.each([
    ['of as many dimensions', [1, 2], 'BiasAdd'],
    ['of more dimensions, which its output would have too', [1, 1, 2], 'Mul'],
    ['that is one number of more dimensions', [1, 1, 1], 'Mul'],
  ])('a matrix product takes a factor %s: %j', (_, shape, op) => {
    const graph = graphOf((g) => {
      constant(g, 'weights', [1, 2], [1, 10]);
      constant(g, 'factor', shape, shape.at(-1) === 2 ? [2, 3] : [2]);
      g.add('product', 'MatMul', ['x', 'weights'], FLOAT);
      g.add('mul', 'Mul', ['product', 'factor'], FLOAT);
    });

    foldScales(graph, new Set(['mul']));

    expect(graph.get('mul').op).toBe(op);
  });

  test('a constant minus the output is not a bias', () => {
    const graph = convolution((g) => {
      g.add('mul', 'Mul', ['conv', 'two_three'], FLOAT);
      g.add('sub', 'Sub', ['two_three', 'mul'], FLOAT);
    });

    foldScales(graph, new Set(['sub']));

    expect(graph.get('sub').op).toBe('Sub');
    expect(graph.get('mul').op).toBe('BiasAdd');
  });
});

test('a wait for a computation goes, a wait for an assertion stays', () => {
  const graph = graphOf((g) => {
    g.add('assert', 'Assert', []);
    g.add('after', 'NoOp', ['^assert']);
    g.add('pure', 'Relu', ['x']);
    g.add('y', 'Relu', ['x', '^after', '^pure']);
  });

  dropIdleWaits(graph);

  expect(graph.get('y').input).toEqual(['x', '^after']);
});

test('waits stay in control flow of TensorFlow 1, where they decide what runs', () => {
  const graph = graphOf((g) => {
    g.add('switch', 'Switch', ['x', 'x']);
    g.add('y', 'Relu', ['x', '^switch']);
  });

  dropIdleWaits(graph);

  expect(graph.get('y').input).toEqual(['x', '^switch']);
});

test('the second of two identities is read from its own source', () => {
  const graph = graphOf((g) => {
    g.add('a', 'Relu', ['x']);
    g.add('pair', 'IdentityN', ['x', 'a']);
    g.add('y', 'Relu', ['pair:1']);
  });

  bypassIdentities(graph, new Set(['y']));

  expect(graph.get('y').input).toEqual(['a']);
});

test('equal constants become one; those of another shape stay', () => {
  const graph = graphOf((g) => {
    constant(g, 'a', [2], [1, 2]);
    constant(g, 'b', [2], [1, 2]);
    constant(g, 'c', [1, 2], [1, 2]);
    g.add('y', 'AddN', ['a', 'b', 'c']);
  });

  mergeConstants(graph, new Set(['y']));

  expect(graph.get('y').input).toEqual(['a', 'a', 'c']);
  expect(graph.find('b')).toBeUndefined();
});
