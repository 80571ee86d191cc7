import { DataType } from '../../saved-model/protobuf/tensorflow_pb';
import { boolAttr, textAttr, typeAttr } from '../graph/attributes';
import { reachOf, type ByteTensor } from './byte-tensors';
import type { Layer } from './find-layers';
import type { GraphWriter } from './graph-writer';
import { LARGEST_INT8 } from './quantization';
import { cachedWeights, meanErrors, type WeightCache } from './quantize-weights';

const FLOAT = { T: typeAttr(DataType.DT_FLOAT) };

/**
 * A matrix product in 8 bits, whose last node answers in float32. The kernel takes one scale for all
 * weights: those of the channels are multiplied after it.
 */
export function writeProduct(
  writer: GraphWriter,
  { node, weights, channels, bias, output }: Layer,
  input: ByteTensor,
  { means, cache }: { readonly means: ArrayLike<number> | undefined; readonly cache: WeightCache },
): void {
  const quantized = cachedWeights(cache, node.input[1] ?? '', weights, channels);
  const name = node.name;
  const product = writer.add(
    `${name}/int8`,
    'QuantizedMatMulWithBiasAndDequantize',
    [
      input.name,
      writer.constant(`${name}/weights`, DataType.DT_QINT8, quantized.shape, quantized.values),
      writer.constant(`${name}/zeros`, DataType.DT_FLOAT, [channels], new Float32Array(channels)),
      writer.float(0),
      writer.float(reachOf(input)),
      // As if the weights were the whole numbers that stand for them.
      writer.float(-LARGEST_INT8),
      writer.float(LARGEST_INT8),
      // Of the output; not used by the form that answers float32.
      writer.float(0),
      writer.float(1),
    ],
    {
      T1: typeAttr(DataType.DT_QUINT8),
      T2: typeAttr(DataType.DT_QINT8),
      Tbias: typeAttr(DataType.DT_FLOAT),
      Toutput: typeAttr(DataType.DT_FLOAT),
      transpose_a: boolAttr(false),
      transpose_b: boolAttr(false),
      input_quant_mode: textAttr('SCALED'),
    },
  );
  const offset = input.zeroPoint * input.scale;
  const errors = meanErrors(weights, quantized, means ?? [], false);
  const adjusted = bias.map(
    (value, channel) => value - offset * (quantized.sums[channel] ?? 0) - (errors[channel] ?? 0),
  );
  const scaled = writer.add(
    `${name}/scaled`,
    'Mul',
    [product, writer.constant(`${name}/scales`, DataType.DT_FLOAT, [channels], quantized.scales)],
    FLOAT,
  );
  const addend = writer.constant(`${name}/bias`, DataType.DT_FLOAT, [channels], adjusted);
  writer.become(output, 'AddV2', [scaled, addend], FLOAT);
}
