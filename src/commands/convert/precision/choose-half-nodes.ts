import type { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { typeOf } from '../../../rewriter/graph/attributes';
import { constantBehind, floatConstant } from '../../../rewriter/graph/float-constants';
import { fitsHalf } from '../../../kernel/half-floats';
import { readersOf } from '../../../rewriter/graph/fold-constants';
import { nodesInOrder } from '../../../rewriter/graph/nodes-in-order';
import { nodeOf } from '../../../rewriter/graph/references';
import { DataType, type NodeDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { halfOperation, typedInputs } from './operation-lists';
import { HALF_DTYPES, type HalfPrecision } from './precision';

/**
 * Names of the nodes that run in 16 bits: convolutions and matrix products, and of what lies between
 * them the operations that get nothing but 16-bit values. What comes after the last of them, such as
 * the addition of a bias to the scores, is computed in float32: it costs little there and is answered.
 */
export function chooseHalfNodes(
  graph: FlatGraph,
  kept: ReadonlySet<string>,
  precision: HalfPrecision,
): ReadonlySet<string> {
  const order = nodesInOrder(graph);
  const half = new Set<string>();
  const always = new Set<string>();
  for (const node of order) {
    const kind = halfOperation(node.op)?.kind;
    if (kind === undefined || kept.has(node.name)) continue;
    // The type is left out where it is the default, which is float32 wherever there is one.
    if ((typeOf(node.attr, 'T') ?? DataType.DT_FLOAT) !== DataType.DT_FLOAT) continue;
    const sources = [...typedInputs(node)].map((place) => node.input[place] ?? '');
    const values = sources.filter((input) => constantBehind(graph, input) === undefined);
    const allHalf = values.length > 0 && values.every((input) => half.has(nodeOf(input)));
    if (kind === 'between' && !allHalf) continue;
    if (!sources.every((input) => fits(graph, input, precision))) continue;
    half.add(node.name);
    if (kind === 'always') always.add(node.name);
  }
  dropTails(order, readersOf(graph), half, always);
  return half;
}

/** A constant beyond the range of the type would become infinite. */
function fits(graph: FlatGraph, input: string, precision: HalfPrecision): boolean {
  const constant = floatConstant(graph, input);
  return constant === undefined || fitsHalf(constant.values, HALF_DTYPES[precision]);
}

function dropTails(
  order: readonly NodeDef[],
  readers: ReadonlyMap<string, readonly NodeDef[]>,
  half: Set<string>,
  always: ReadonlySet<string>,
): void {
  for (const { name } of order.toReversed()) {
    if (always.has(name) || !half.has(name)) continue;
    const used = (readers.get(name) ?? []).some((reader) => half.has(reader.name));
    if (!used) half.delete(name);
  }
}
