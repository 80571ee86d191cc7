import { DataType } from '../../saved-model/protobuf/tensorflow_pb';
import {
  boolAttr,
  floatAttr,
  intAttr,
  textAttr,
  typeAttr,
  type Attributes,
} from '../graph/attributes';
import type { GraphWriter } from './graph-writer';
import { LARGEST_BYTE, LARGEST_INT8, type Quantization, type Range } from './quantization';

/** A tensor in 8 bits, of TensorFlow's type quint8. */
export interface ByteTensor extends Quantization {
  readonly name: string;
}

/** Largest value that a byte stands for when its zero point is left out of account, as kernels do. */
export function reachOf({ scale }: Quantization): number {
  return LARGEST_BYTE * scale;
}

const QUANTIZE: Attributes = {
  mode: textAttr('SCALED'),
  round_mode: textAttr('HALF_TO_EVEN'),
  axis: intAttr(-1),
  // Widens small ranges, which the layers that read them would not know of.
  ensure_minimum_range: floatAttr(0),
};
const DEQUANTIZE: Attributes = {
  T: typeAttr(DataType.DT_QUINT8),
  dtype: typeAttr(DataType.DT_FLOAT),
  mode: textAttr('SCALED'),
  narrow_range: boolAttr(false),
  axis: intAttr(-1),
};
const FLOAT: Attributes = { T: typeAttr(DataType.DT_FLOAT) };

/** A float32 tensor in 8 bits. The kernel knows no zero point: it is added before. */
export function quantize(writer: GraphWriter, tensor: string, wanted: Quantization): ByteTensor {
  const { scale, zeroPoint } = wanted;
  const base = tensor.replace(/:\d+$/, '');
  const shifted =
    zeroPoint === 0
      ? tensor
      : writer.add(`${base}/shifted`, 'AddV2', [tensor, writer.float(zeroPoint * scale)], FLOAT);
  const name = writer.add(
    `${base}/quantized`,
    'QuantizeV2',
    [shifted, writer.float(0), writer.float(reachOf(wanted))],
    { ...QUANTIZE, T: typeAttr(DataType.DT_QUINT8), narrow_range: boolAttr(false) },
  );
  return { name, scale, zeroPoint };
}

/** A float32 tensor in 8 bits with a sign. @returns the node, and the largest value that 127 stands for */
export function quantizeSigned(
  writer: GraphWriter,
  tensor: string,
  { min, max }: Range,
): { readonly name: string; readonly reach: number } {
  const reach = Math.fround(Math.max(Math.abs(min), Math.abs(max), LARGEST_INT8 * 1e-8));
  const name = writer.add(
    `${tensor.replace(/:\d+$/, '')}/signed`,
    'QuantizeV2',
    [tensor, writer.float(-reach), writer.float(reach)],
    { ...QUANTIZE, T: typeAttr(DataType.DT_QINT8), narrow_range: boolAttr(true) },
  );
  return { name, reach };
}

/** What a node becomes that answers the numbers behind bytes. */
export function dequantizeInto(
  writer: GraphWriter,
  node: Parameters<GraphWriter['become']>[0],
  bytes: ByteTensor,
): void {
  const input = [bytes.name, writer.float(0), writer.float(reachOf(bytes))];
  if (bytes.zeroPoint === 0) {
    writer.become(node, 'Dequantize', input, DEQUANTIZE);
    return;
  }
  const raw = writer.add(`${node.name}/raw`, 'Dequantize', input, DEQUANTIZE);
  writer.become(node, 'Sub', [raw, writer.float(bytes.zeroPoint * bytes.scale)], FLOAT);
}
