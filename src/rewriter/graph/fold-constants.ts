import type { NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { elementCount } from '../../kernel/tensor';
import type { FlatGraph } from './flat-graph';
import {
  floatConstant,
  floatConstantAttributes,
  intConstant,
  sameShape,
  type FloatConstant,
} from './float-constants';
import { isControl, nodeOf } from './references';

/** Statistics of a layer have a value a channel; TensorFlow folds what is larger. */
const LARGEST = 65_536;

const UNARY: Readonly<Record<string, (x: number) => number>> = {
  Rsqrt: (x) => 1 / Math.sqrt(x),
  Sqrt: (x) => Math.sqrt(x),
  Neg: (x) => -x,
};
const BINARY: Readonly<Record<string, (x: number, y: number) => number>> = {
  Add: (x, y) => x + y,
  AddV2: (x, y) => x + y,
  Sub: (x, y) => x - y,
  Mul: (x, y) => x * y,
  RealDiv: (x, y) => x / y,
};

/**
 * Computes the arithmetic between float32 constants that batch normalisation is written in, so that
 * what it multiplies and adds is known when it is folded into the weights.
 */
export function foldConstants(graph: FlatGraph): void {
  const waiting = [...graph.nodes()].filter(isFoldable);
  const readers = readersOf(graph);
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const value = evaluate(graph, node);
    if (value === undefined) continue;
    node.op = 'Const';
    node.input = [];
    node.attr = floatConstantAttributes(value);
    for (const reader of readers.get(node.name) ?? []) {
      if (isFoldable(reader)) waiting.push(reader);
    }
  }
}

function isFoldable({ op }: NodeDef): boolean {
  return op in UNARY || op in BINARY || op === 'Reshape' || op === 'Squeeze';
}

export function readersOf(graph: FlatGraph): Map<string, NodeDef[]> {
  const readers = new Map<string, NodeDef[]>();
  for (const node of graph.nodes()) {
    for (const input of node.input) {
      const source = nodeOf(input);
      const known = readers.get(source);
      if (known === undefined) readers.set(source, [node]);
      else known.push(node);
    }
  }
  return readers;
}

function evaluate(graph: FlatGraph, node: NodeDef): FloatConstant | undefined {
  if (node.input.some(isControl)) return undefined;
  const unary = UNARY[node.op];
  const binary = BINARY[node.op];
  const [first, second] = node.input.map((input) => floatConstant(graph, input));
  if (first === undefined || first.values.length > LARGEST) return undefined;
  if (node.op === 'Reshape') return reshape(first, intConstant(graph, node.input[1] ?? ''));
  if (node.op === 'Squeeze') return squeeze(first, node);
  if (unary !== undefined) return { shape: first.shape, values: first.values.map((x) => unary(x)) };
  if (binary === undefined || second === undefined) return undefined;
  return combine(first, second, binary);
}

function reshape(
  { values }: FloatConstant,
  wanted: readonly number[] | undefined,
): FloatConstant | undefined {
  if (wanted === undefined) return undefined;
  // One dimension may be -1: whatever is left.
  const known = elementCount(wanted.filter((size) => size >= 0));
  const shape = wanted.map((size) => (size >= 0 ? size : values.length / known));
  return elementCount(shape) === values.length ? { shape, values } : undefined;
}

function squeeze({ shape, values }: FloatConstant, node: NodeDef): FloatConstant {
  const listed = node.attr.squeeze_dims?.value;
  const axes = listed?.case === 'list' ? listed.value.i.map(Number) : [];
  const drops = (size: number, index: number): boolean =>
    size === 1 &&
    (axes.length === 0 || axes.includes(index) || axes.includes(index - shape.length));
  return { shape: shape.filter((size, index) => !drops(size, index)), values };
}

/** Equal shapes, or one of them a single number. */
function combine(
  a: FloatConstant,
  b: FloatConstant,
  operation: (x: number, y: number) => number,
): FloatConstant | undefined {
  if (sameShape(a.shape, b.shape)) {
    return { shape: a.shape, values: a.values.map((x, i) => operation(x, b.values[i] ?? 0)) };
  }
  if (elementCount(b.shape) === 1 && b.shape.length <= a.shape.length) {
    const y = b.values[0] ?? 0;
    return { shape: a.shape, values: a.values.map((x) => operation(x, y)) };
  }
  if (elementCount(a.shape) === 1 && a.shape.length <= b.shape.length) {
    const x = a.values[0] ?? 0;
    return { shape: b.shape, values: b.values.map((y) => operation(x, y)) };
  }
  return undefined;
}
