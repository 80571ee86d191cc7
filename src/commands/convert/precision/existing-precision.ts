import { typeOf } from '../../../rewriter/graph/attributes';
import { DataType, type MetaGraphDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { halfOperation } from './operation-lists';
import { HALF_TYPES, type Precision } from './precision';

/** The precision a graph has been reduced to; undefined when it is float32 throughout. */
export function existingPrecision({ graphDef }: MetaGraphDef): Precision | undefined {
  for (const { op, attr } of graphDef?.node ?? []) {
    const type = typeOf(attr, 'T');
    if (halfOperation(op)?.kind === 'always' && type === HALF_TYPES.fp16) return 'fp16';
    if (halfOperation(op)?.kind === 'always' && type === HALF_TYPES.bf16) return 'bf16';
    if (/^Quantized(Conv2D|DepthwiseConv2D|MatMul)/.test(op)) return 'int8';
    if (op === 'Const' && typeOf(attr, 'dtype') === DataType.DT_INT8) return 'int8-weights';
  }
  return undefined;
}
