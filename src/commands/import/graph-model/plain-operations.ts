import { floatAttr, numberOf, typeAttr, type Attributes } from '../../../rewriter/graph/attributes';
import { boolAttr } from '../../../rewriter/graph/attributes';
import type { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { floatConstantAttributes } from '../../../rewriter/graph/float-constants';
import { isControl } from '../../../rewriter/graph/references';
import { DataType, type NodeDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { ImportError } from '../import-error';

const FLOAT: Attributes = { T: typeAttr(DataType.DT_FLOAT) };
const CONVOLUTION = ['T', 'strides', 'padding', 'explicit_paddings', 'data_format', 'dilations'];

/** Fused operations of TensorFlow.js's converter, and what each is without what was fused into it. */
const FUSED: Readonly<Record<string, { readonly op: string; readonly attributes: string[] }>> = {
  _FusedConv2D: { op: 'Conv2D', attributes: CONVOLUTION },
  FusedConv2D: { op: 'Conv2D', attributes: CONVOLUTION },
  FusedDepthwiseConv2dNative: { op: 'DepthwiseConv2dNative', attributes: CONVOLUTION },
  _FusedDepthwiseConv2dNative: { op: 'DepthwiseConv2dNative', attributes: CONVOLUTION },
  _FusedMatMul: { op: 'MatMul', attributes: ['T', 'transpose_a', 'transpose_b'] },
};

/** Activations of one input, by the name that they have among fused operations. */
const ACTIVATIONS: readonly string[] = ['Relu', 'Relu6', 'Elu', 'Sigmoid', 'Tanh'];

const BATCH_NORMALISATIONS: readonly string[] = [
  'FusedBatchNorm',
  'FusedBatchNormV2',
  'FusedBatchNormV3',
];

/**
 * Writes the graph in operations that TensorFlow has: fused ones are split, `Prelu` is written out,
 * and batch normalisation is told that it infers, which TensorFlow.js takes for granted.
 * @throws ImportError for a fused operation that is not known
 */
export function usePlainOperations(graph: FlatGraph): void {
  for (const node of [...graph.nodes()]) {
    // A device of the machine where the model was converted.
    node.device = '';
    if (node.op in FUSED) split(graph, node);
    else if (node.op === 'Prelu') {
      const [x = '', alpha = ''] = node.input;
      replace(node, 'AddV2', prelu(graph, node.name, x, alpha), FLOAT);
    } else if (BATCH_NORMALISATIONS.includes(node.op)) {
      node.attr = { ...node.attr, is_training: boolAttr(false) };
    }
  }
}

/** The node keeps its name for the last of the operations: others read it. */
function split(graph: FlatGraph, node: NodeDef): void {
  const plain = FUSED[node.op];
  const list = node.attr.fused_ops?.value;
  const fused =
    list?.case === 'list' ? list.value.s.map((bytes) => Buffer.from(bytes).toString()) : [];
  if (plain === undefined) return;
  const attributes = pick(node.attr, plain.attributes);
  const [a = '', b = '', ...rest] = node.input.filter((input) => !isControl(input));
  const first = [a, b, ...node.input.filter(isControl)];
  const steps: (readonly [string, readonly string[], Attributes])[] = [];
  let last = graph.freeName(`${node.name}/${plain.op}`);
  if (fused.length === 0) {
    replace(node, plain.op, first, attributes);
    return;
  }
  graph.add(last, plain.op, first, attributes);
  for (const [index, operation] of fused.entries()) {
    const step = stepOf(graph, node, operation, last, rest);
    steps.push(step);
    if (index === fused.length - 1) break;
    last = graph.freeName(`${node.name}/${operation}`);
    graph.add(last, ...step);
  }
  const [op, inputs, attr] = steps.at(-1) ?? [plain.op, first, attributes];
  replace(node, op, inputs, attr);
}

/** @param extra inputs behind those of the plain operation; what is used is taken from it */
function stepOf(
  graph: FlatGraph,
  node: NodeDef,
  operation: string,
  x: string,
  extra: string[],
): readonly [string, readonly string[], Attributes] {
  if (operation === 'BiasAdd') {
    return ['BiasAdd', [x, taken(node, extra)], pick(node.attr, ['T', 'data_format'])];
  }
  if (operation === 'LeakyRelu') {
    const alpha = numberOf(node.attr, 'leakyrelu_alpha') ?? 0.2;
    return ['LeakyRelu', [x], { ...FLOAT, alpha: floatAttr(alpha) }];
  }
  if (operation === 'Prelu') {
    return ['AddV2', prelu(graph, node.name, x, taken(node, extra)), FLOAT];
  }
  if (ACTIVATIONS.includes(operation)) return [operation, [x], FLOAT];
  throw new ImportError(
    `the node "${node.name}" (${node.op}) has ${operation} fused into it, which is not supported; supported: BiasAdd, ${ACTIVATIONS.join(', ')}, LeakyRelu, Prelu`,
  );
}

function taken(node: NodeDef, extra: string[]): string {
  const input = extra.shift();
  if (input !== undefined) return input;
  throw new ImportError(`the node "${node.name}" (${node.op}) has too few inputs`);
}

/** max(x, 0) and alpha · min(x, 0), which are to be added up. */
function prelu(graph: FlatGraph, name: string, x: string, alpha: string): readonly string[] {
  const zero = graph.freeName(`${name}/zero`);
  graph.add(zero, 'Const', [], floatConstantAttributes({ shape: [], values: new Float32Array(1) }));
  const positive = graph.freeName(`${name}/positive`);
  graph.add(positive, 'Relu', [x], FLOAT);
  const negative = graph.freeName(`${name}/negative`);
  graph.add(negative, 'Minimum', [x, zero], FLOAT);
  const scaled = graph.freeName(`${name}/scaled`);
  graph.add(scaled, 'Mul', [negative, alpha], FLOAT);
  return [positive, scaled];
}

function replace(node: NodeDef, op: string, inputs: readonly string[], attr: Attributes): void {
  node.op = op;
  node.input = [...inputs];
  node.attr = attr;
}

function pick(attributes: Attributes, names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => names.includes(name)));
}
