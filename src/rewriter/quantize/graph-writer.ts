import { create } from '@bufbuild/protobuf';

import {
  DataType,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  type NodeDef,
} from '../../saved-model/protobuf/tensorflow_pb';
import { tensorAttr, typeAttr, type Attributes } from '../graph/attributes';
import type { FlatGraph } from '../graph/flat-graph';

/** Bytes of a constant. */
type ConstantData = Float32Array | Int32Array | Int8Array | Uint8Array;

/** Adds nodes beside those of a graph; constants that are equal are made once. */
export class GraphWriter {
  readonly #graph: FlatGraph;
  readonly #scalars = new Map<string, string>();

  constructor(graph: FlatGraph) {
    this.#graph = graph;
  }

  /** @returns name of the node */
  add(name: string, op: string, input: readonly string[], attr: Attributes): string {
    return this.#graph.add(this.#graph.freeName(name), op, input, attr).name;
  }

  constant(
    name: string,
    type: DataType,
    shape: readonly number[],
    { buffer, byteOffset, byteLength }: ConstantData,
  ): string {
    const value = create(TensorProtoSchema, {
      dtype: type,
      tensorShape: create(TensorShapeProtoSchema, {
        dim: shape.map((size) => ({ size: BigInt(size) })),
      }),
      tensorContent: new Uint8Array(buffer, byteOffset, byteLength),
    });
    return this.add(name, 'Const', [], { dtype: typeAttr(type), value: tensorAttr(value) });
  }

  float(value: number): string {
    return this.#once(`float/${String(value)}`, () =>
      this.constant('int8/float', DataType.DT_FLOAT, [], Float32Array.of(value)),
    );
  }

  byte(value: number): string {
    return this.#once(`byte/${value}`, () =>
      this.constant('int8/byte', DataType.DT_UINT8, [], Uint8Array.of(value)),
    );
  }

  integers(values: readonly number[], shape: readonly number[]): string {
    return this.#once(`integers/${values.join()}/${shape.join()}`, () =>
      this.constant('int8/integers', DataType.DT_INT32, shape, Int32Array.from(values)),
    );
  }

  /** The same bytes as a type that other operations take. */
  bitcast(input: string, from: DataType, to: DataType): string {
    return this.add(`${input.replace(/:\d+$/, '')}/bytes`, 'Bitcast', [input], {
      T: typeAttr(from),
      type: typeAttr(to),
    });
  }

  /** Lets a node do something else under its name, so that its readers stay as they are. */
  become(node: NodeDef, op: string, input: readonly string[], attr: Attributes): void {
    node.op = op;
    node.input = [...input];
    node.attr = attr;
  }

  #once(key: string, make: () => string): string {
    const known = this.#scalars.get(key) ?? make();
    this.#scalars.set(key, known);
    return known;
  }
}
