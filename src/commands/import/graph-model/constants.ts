import { create } from '@bufbuild/protobuf';

import { isByteStrings, type Tensor } from '../../../kernel/tensor';
import { tensorAttr, tensorOf, typeAttr, typeOf } from '../../../rewriter/graph/attributes';
import { toTensorProto } from '../../../rewriter/graph/constants';
import type { FlatGraph } from '../../../rewriter/graph/flat-graph';
import {
  DataType,
  TensorProtoSchema,
  type NodeDef,
  type TensorProto,
} from '../../../saved-model/protobuf/tensorflow_pb';
import { ImportError } from '../import-error';

type Numbers = ArrayLike<number> & Iterable<number>;

/** TensorFlow.js keeps all whole numbers as int32 and all floats as float32; the graph says what they were. */
const AS_BYTES: Partial<Record<DataType, (values: Numbers) => ArrayBufferView>> = {
  [DataType.DT_FLOAT]: (values) => Float32Array.from(values),
  [DataType.DT_DOUBLE]: (values) => Float64Array.from(values),
  [DataType.DT_INT32]: (values) => Int32Array.from(values),
  [DataType.DT_INT64]: (values) => BigInt64Array.from(values, BigInt),
  [DataType.DT_UINT8]: (values) => Uint8Array.from(values),
  [DataType.DT_INT8]: (values) => Int8Array.from(values),
  [DataType.DT_INT16]: (values) => Int16Array.from(values),
  [DataType.DT_UINT16]: (values) => Uint16Array.from(values),
  [DataType.DT_BOOL]: (values) => Uint8Array.from(values),
};

/**
 * Puts the weights of a package into the Const nodes that its graph has for them.
 * @throws ImportError for a constant without a value, or of a type that has none here
 */
export function fillConstants(graph: FlatGraph, weights: ReadonlyMap<string, Tensor>): void {
  for (const node of graph.nodes()) {
    if (node.op !== 'Const') continue;
    const weight = weights.get(node.name);
    if (weight !== undefined) {
      const value = constantOf(node, weight);
      node.attr = { dtype: typeAttr(value.dtype), value: tensorAttr(value) };
    } else if (!hasValue(node)) {
      throw new ImportError(`the weights of the constant "${node.name}" are missing`);
    }
  }
}

function constantOf(node: NodeDef, weight: Tensor): TensorProto {
  const type = typeOf(node.attr, 'dtype') ?? DataType.DT_FLOAT;
  const { data, dtype } = weight;
  if (isByteStrings(data) || dtype === 'complex64') {
    const stored = dtype === 'complex64' ? DataType.DT_COMPLEX64 : DataType.DT_STRING;
    if (type === stored) return toTensorProto(weight, type);
  } else {
    const bytes = AS_BYTES[type]?.(Array.from(data, Number));
    if (bytes !== undefined) {
      const { tensorShape } = toTensorProto(
        { ...weight, data: new Uint8Array() },
        DataType.DT_UINT8,
      );
      return create(TensorProtoSchema, {
        dtype: type,
        ...(tensorShape === undefined ? {} : { tensorShape }),
        tensorContent: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      });
    }
  }
  throw new ImportError(
    `the constant "${node.name}" has the type ${DataType[type]}, and its weights are ${dtype}`,
  );
}

/** Some converters leave small constants in the graph. */
function hasValue(node: NodeDef): boolean {
  const value = tensorOf(node.attr, 'value');
  if (value === undefined) return false;
  const empty = value.tensorShape?.dim.some(({ size }) => size === 0n) === true;
  return (
    empty ||
    value.tensorContent.length > 0 ||
    [value.floatVal, value.intVal, value.int64Val, value.boolVal, value.stringVal].some(
      ({ length }) => length > 0,
    )
  );
}
