import { tensorAttr, typeAttr, type Attributes } from '../graph/attributes';
import { toTensorProto } from '../graph/constants';
import { nodeDef } from '../graph/node-def';
import { DataType, type NodeDef } from '../../saved-model/protobuf/tensorflow_pb';

const PREFIX = 'tfjs_serving/image/';

/** Makes nodes under names of their own. */
export class GraphBuilder {
  readonly nodes: NodeDef[] = [];

  /** @returns the tensor that the node makes first */
  add(op: string, inputs: readonly string[], attr: Attributes = {}): string {
    const name = `${PREFIX}${op}_${String(this.nodes.length)}`;
    this.nodes.push(nodeDef(name, op, inputs, attr));
    return name;
  }

  floats(values: readonly number[], shape: readonly number[] = []): string {
    const data = Float32Array.from(values);
    return this.#constant(
      toTensorProto({ name: '', dtype: 'float32', shape, data }, DataType.DT_FLOAT),
    );
  }

  /** A vector, or a scalar when the shape is empty. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const data = Int32Array.from(values);
    return this.#constant(
      toTensorProto({ name: '', dtype: 'int32', shape, data }, DataType.DT_INT32),
    );
  }

  cast(input: string, from: DataType, to: DataType): string {
    if (from === to) return input;
    return this.add('Cast', [input], { SrcT: typeAttr(from), DstT: typeAttr(to) });
  }

  /** An operation on two tensors of one type. */
  binary(op: string, a: string, b: string): string {
    return this.add(op, [a, b], { T: typeAttr(DataType.DT_FLOAT) });
  }

  unary(op: string, input: string): string {
    return this.add(op, [input], { T: typeAttr(DataType.DT_FLOAT) });
  }

  transpose(input: string, type: DataType, order: readonly number[]): string {
    return this.add('Transpose', [input, this.integers(order)], {
      T: typeAttr(type),
      Tperm: typeAttr(DataType.DT_INT32),
    });
  }

  #constant(value: ReturnType<typeof toTensorProto>): string {
    return this.add('Const', [], { dtype: typeAttr(value.dtype), value: tensorAttr(value) });
  }
}
