import { create } from '@bufbuild/protobuf';

import {
  DataType,
  TensorProtoSchema,
  TensorShapeProtoSchema,
  type NodeDef,
} from '../../saved-model/protobuf/tensorflow_pb';
import { elementCount } from '../../kernel/tensor';
import { tensorAttr, tensorOf, typeAttr, type Attributes } from './attributes';
import type { FlatGraph } from './flat-graph';
import { parseFlat } from './references';

/** A float32 constant. */
export interface FloatConstant {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The constant that a tensor is, through identities; undefined when it is none of float32. */
export function floatConstant(graph: FlatGraph, input: string): FloatConstant | undefined {
  const node = constantBehind(graph, input);
  const proto = node === undefined ? undefined : tensorOf(node.attr, 'value');
  if (proto?.dtype !== DataType.DT_FLOAT) return undefined;
  const shape = (proto.tensorShape?.dim ?? []).map(({ size }) => Number(size));
  const count = elementCount(shape);
  const { tensorContent, floatVal } = proto;
  if (tensorContent.byteLength > 0) {
    return { shape, values: new Float32Array(copyOf(tensorContent)) };
  }
  // Values at the end that repeat the last one are left out.
  const last = floatVal.at(-1) ?? 0;
  const values = Float32Array.from({ length: count }, (_, index) => floatVal[index] ?? last);
  return { shape, values };
}

/** The numbers of an int32 constant, such as a shape. */
export function intConstant(graph: FlatGraph, input: string): number[] | undefined {
  const node = constantBehind(graph, input);
  const proto = node === undefined ? undefined : tensorOf(node.attr, 'value');
  if (proto?.dtype !== DataType.DT_INT32) return undefined;
  const count = elementCount((proto.tensorShape?.dim ?? []).map(({ size }) => Number(size)));
  const { tensorContent, intVal } = proto;
  if (tensorContent.byteLength > 0) return [...new Int32Array(copyOf(tensorContent))];
  const last = intVal.at(-1) ?? 0;
  return Array.from({ length: count }, (_, index) => intVal[index] ?? last);
}

/** The bytes may begin anywhere in the file; numbers must begin at a multiple of their size. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}

/** The Const node that a tensor comes from, through identities. */
export function constantBehind(graph: FlatGraph, input: string): NodeDef | undefined {
  let node = graph.find(parseFlat(input).node);
  while (node?.op === 'Identity') {
    const source = node.input[0];
    node = source === undefined ? undefined : graph.find(parseFlat(source).node);
  }
  return node?.op === 'Const' ? node : undefined;
}

/** Attributes of a Const node. */
export function floatConstantAttributes({ shape, values }: FloatConstant): Attributes {
  const tensor = create(TensorProtoSchema, {
    dtype: DataType.DT_FLOAT,
    tensorShape: create(TensorShapeProtoSchema, {
      dim: shape.map((size) => ({ size: BigInt(size) })),
    }),
    tensorContent: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });
  return { dtype: typeAttr(DataType.DT_FLOAT), value: tensorAttr(tensor) };
}

/** Whether both have the same dimensions. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, index) => size === b[index]);
}
