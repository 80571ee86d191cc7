import { create } from '@bufbuild/protobuf';

import { boolAttr, tensorAttr, typeAttr } from '../../../rewriter/graph/attributes';
import { hasOldControlFlow } from '../../../rewriter/graph/drop-idle-waits';
import type { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { constantBehind, floatConstant } from '../../../rewriter/graph/float-constants';
import { formatFlat, isControl, nodeOf, parseFlat } from '../../../rewriter/graph/references';
import { toHalfBits } from '../../../kernel/half-floats';
import { NotRewritableError } from '../../../rewriter/not-rewritable';
import {
  DataType,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  type NodeDef,
} from '../../../saved-model/protobuf/tensorflow_pb';
import { chooseHalfNodes } from './choose-half-nodes';
import { HALF_DTYPES, HALF_TYPES, type HalfPrecision } from './precision';
import { typedInputs } from './operation-lists';

export interface MixedPrecisionReport {
  /** Operations that run in 16 bits. */
  readonly halfOperations: number;
  readonly casts: number;
}

/**
 * Lets part of a graph run in 16 bits; weights become 16-bit constants, and casts stand where values
 * change their type, one for each tensor and direction.
 * @param kept nodes that signatures name: their types stay
 * @throws NotRewritableError when nothing in the graph can run in 16 bits
 */
export function useHalfPrecision(
  graph: FlatGraph,
  kept: ReadonlySet<string>,
  precision: HalfPrecision,
): MixedPrecisionReport {
  if (hasOldControlFlow(graph)) {
    throw new NotRewritableError('it has control flow of TensorFlow 1: types cannot be changed');
  }
  const nodes = [...graph.nodes()];
  const half = chooseHalfNodes(graph, kept, precision);
  if (half.size === 0) {
    throw new NotRewritableError(
      `it has no convolution or matrix product in float32 that could run in ${precision}`,
    );
  }
  const type = HALF_TYPES[precision];
  const changes = new TypeChanges(graph, type, precision);
  const isHalf = (input: string): boolean => half.has(nodeOf(input));
  for (const node of nodes) {
    const typed = half.has(node.name) ? typedInputs(node) : new Set<number>();
    node.input = node.input.map((input, index) => {
      if (isControl(input)) return input;
      if (typed.has(index)) return isHalf(input) ? input : changes.toHalf(input);
      return isHalf(input) ? changes.toFloat(input) : input;
    });
  }
  for (const name of half) graph.get(name).attr.T = typeAttr(type);
  return { halfOperations: half.size, casts: changes.casts };
}

/** Makes each change of type once. */
class TypeChanges {
  readonly #graph: FlatGraph;
  readonly #type: DataType;
  readonly #precision: HalfPrecision;
  readonly #made = new Map<string, string>();
  casts = 0;

  constructor(graph: FlatGraph, type: DataType, precision: HalfPrecision) {
    this.#graph = graph;
    this.#type = type;
    this.#precision = precision;
  }

  toHalf(input: string): string {
    const constant = constantBehind(this.#graph, input);
    return this.#once(`half ${constant?.name ?? formatFlat(parseFlat(input))}`, () =>
      constant === undefined
        ? this.#cast(input, DataType.DT_FLOAT, this.#type)
        : this.#halfConstant(constant),
    );
  }

  toFloat(input: string): string {
    return this.#once(`float ${formatFlat(parseFlat(input))}`, () =>
      this.#cast(input, this.#type, DataType.DT_FLOAT),
    );
  }

  #once(key: string, make: () => string): string {
    const known = this.#made.get(key) ?? make();
    this.#made.set(key, known);
    return known;
  }

  #cast(input: string, from: DataType, to: DataType): string {
    const name = this.#graph.freeName(
      `${parseFlat(input).node}/${to === DataType.DT_FLOAT ? 'float32' : this.#precision}`,
    );
    this.#graph.add(name, 'Cast', [input], {
      SrcT: typeAttr(from),
      DstT: typeAttr(to),
      Truncate: boolAttr(false),
    });
    this.casts += 1;
    return name;
  }

  #halfConstant({ name }: NodeDef): string {
    const constant = floatConstant(this.#graph, name);
    if (constant === undefined) throw new NotRewritableError(`the constant ${name} has no value`);
    const bits = toHalfBits(constant.values, HALF_DTYPES[this.#precision]);
    const value = create(TensorProtoSchema, {
      dtype: this.#type,
      tensorShape: create(TensorShapeProtoSchema, {
        dim: constant.shape.map((size) => ({ size: BigInt(size) })),
      }),
      tensorContent: new Uint8Array(bits.buffer),
    });
    const half = this.#graph.freeName(`${name}/${this.#precision}`);
    this.#graph.add(half, 'Const', [], { dtype: typeAttr(this.#type), value: tensorAttr(value) });
    return half;
  }
}
