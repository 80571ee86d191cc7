import { create } from '@bufbuild/protobuf';

import {
  intAttr,
  tensorAttr,
  textAttr,
  typeAttr,
  type Attributes,
} from '../../../rewriter/graph/attributes';
import { toTensorProto } from '../../../rewriter/graph/constants';
import { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { floatConstantAttributes } from '../../../rewriter/graph/float-constants';
import {
  AttrValueSchema,
  AttrValue_ListValueSchema,
  DataType,
  type AttrValue,
} from '../../../saved-model/protobuf/tensorflow_pb';

const FLOAT: Attributes = { T: typeAttr(DataType.DT_FLOAT) };
const INT: Attributes = { T: typeAttr(DataType.DT_INT32) };

/** Builds the graph that a model of layers stands for; a tensor is the name of the node that makes it. */
export class LayerGraph {
  readonly flat = new FlatGraph([]);

  /** @param attr besides T, which is float32 unless it is among them */
  op(name: string, op: string, inputs: readonly string[], attr: Attributes = {}): string {
    const free = this.flat.freeName(nodeName(`${name}/${op}`));
    this.flat.add(free, op, inputs, { ...FLOAT, ...attr });
    return free;
  }

  cast(name: string, x: string, from: DataType, to: DataType): string {
    const free = this.flat.freeName(nodeName(`${name}/Cast`));
    this.flat.add(free, 'Cast', [x], { SrcT: typeAttr(from), DstT: typeAttr(to) });
    return free;
  }

  floats(name: string, values: ArrayLike<number>, shape: readonly number[] = []): string {
    const free = this.flat.freeName(nodeName(name));
    const attributes = floatConstantAttributes({ shape, values: Float32Array.from(values) });
    this.flat.add(free, 'Const', [], attributes);
    return free;
  }

  /** A vector, or a scalar when the shape is empty. */
  ints(
    name: string,
    values: readonly number[],
    shape: readonly number[] = [values.length],
  ): string {
    const free = this.flat.freeName(nodeName(name));
    const data = Int32Array.from(values);
    const value = toTensorProto({ name: '', dtype: 'int32', shape, data }, DataType.DT_INT32);
    this.flat.add(free, 'Const', [], { dtype: typeAttr(value.dtype), value: tensorAttr(value) });
    return free;
  }

  /** An operation on two vectors of whole numbers. */
  intOp(name: string, op: string, a: string, b: string): string {
    return this.op(name, op, [a, b], INT);
  }

  /** The dimensions of a tensor, a vector of whole numbers. */
  shapeOf(name: string, x: string): string {
    return this.op(name, 'Shape', [x], { out_type: typeAttr(DataType.DT_INT32) });
  }

  /** A part of a vector of whole numbers. */
  sliceOf(name: string, vector: string, from: number, length: number): string {
    const begin = this.ints(`${name}/begin`, [from]);
    const size = this.ints(`${name}/size`, [length]);
    return this.op(name, 'Slice', [vector, begin, size], {
      ...INT,
      Index: typeAttr(DataType.DT_INT32),
    });
  }

  /** @param sizes of every dimension but the first, which stays; one of them may be −1 */
  reshape(name: string, x: string, sizes: readonly number[]): string {
    const attr = { Tshape: typeAttr(DataType.DT_INT32) };
    if (!sizes.includes(-1)) {
      return this.op(name, 'Reshape', [x, this.ints(`${name}/shape`, [-1, ...sizes])], attr);
    }
    const batch = this.sliceOf(name, this.shapeOf(name, x), 0, 1);
    const shape = this.op(
      name,
      'ConcatV2',
      [batch, this.ints(`${name}/sizes`, sizes), this.ints(`${name}/axis`, [0], [])],
      { ...INT, N: intAttr(2), Tidx: typeAttr(DataType.DT_INT32) },
    );
    return this.op(name, 'Reshape', [x, shape], attr);
  }

  /** Mean, Max or Sum over some dimensions. */
  reduce(name: string, op: string, x: string, axes: readonly number[], keep: boolean): string {
    return this.op(name, op, [x, this.ints(`${name}/axes`, axes)], {
      Tidx: typeAttr(DataType.DT_INT32),
      keep_dims: create(AttrValueSchema, { value: { case: 'b', value: keep } }),
    });
  }

  expand(name: string, x: string, axis: number): string {
    return this.op(name, 'ExpandDims', [x, this.ints(`${name}/axis`, [axis], [])], {
      Tdim: typeAttr(DataType.DT_INT32),
    });
  }

  squeeze(name: string, x: string, axis: number): string {
    return this.op(name, 'Squeeze', [x], { squeeze_dims: intsAttr([axis]) });
  }
}

export function intsAttr(values: readonly number[]): AttrValue {
  const value = create(AttrValue_ListValueSchema, { i: values.map(BigInt) });
  return create(AttrValueSchema, { value: { case: 'list', value } });
}

export function paddingAttr(padding: string): AttrValue {
  return textAttr(padding.toUpperCase());
}

/** TensorFlow's names hold fewer characters than a layer's may. */
export function nodeName(name: string): string {
  return name.replace(/[^A-Za-z0-9_.\-/]/g, '_').replace(/^[^A-Za-z0-9.]/, 'n$&');
}
