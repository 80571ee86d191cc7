import type { NodeDef } from '../protobuf/tensorflow_pb';
import { elementCount } from '../../tensor';
import type { FlatGraph } from './flat-graph';
import {
  floatConstant,
  floatConstantAttributes,
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
  const waiting = [...graph.nodes()].filter(({ op }) => op in UNARY || op in BINARY);
  const readers = readersOf(graph);
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const value = evaluate(graph, node);
    if (value === undefined) continue;
    node.op = 'Const';
    node.input = [];
    node.attr = floatConstantAttributes(value);
    for (const reader of readers.get(node.name) ?? []) {
      if (reader.op in UNARY || reader.op in BINARY || reader.op === 'Identity') {
        waiting.push(...(reader.op === 'Identity' ? (readers.get(reader.name) ?? []) : [reader]));
      }
    }
  }
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
  if (unary !== undefined) return { shape: first.shape, values: first.values.map((x) => unary(x)) };
  if (binary === undefined || second === undefined) return undefined;
  return combine(first, second, binary);
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
