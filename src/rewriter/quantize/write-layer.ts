import { DataType } from '../../saved-model/protobuf/tensorflow_pb';
import { integersOf, intListAttr, textAttr, textOf, typeAttr } from '../graph/attributes';
import { quantizeSigned, reachOf, type ByteTensor } from './byte-tensors';
import { atLeastZero, atMost } from './carried-operations';
import type { Layer } from './find-layers';
import type { GraphWriter } from './graph-writer';
import { isPadded, paddingOf, type Padding } from './padding';
import { LARGEST_BYTE, LARGEST_INT8, type Quantization, type Range } from './quantization';
import { cachedWeights, meanErrors, type WeightCache } from './quantize-weights';

/** What a layer reads, before it is decided how. */
export interface LayerInput {
  readonly bytes: () => ByteTensor | undefined;
  /** Where it is not in 8 bits yet, and may become bytes with a sign. */
  readonly float: { readonly tensor: string; readonly range: Range } | undefined;
  /** What `bytes` would have. */
  readonly quantization: Quantization;
  /** Where it is always the same. */
  readonly shape: readonly number[] | undefined;
}

export interface LayerTensors {
  readonly input: LayerInput;
  readonly wanted: Quantization;
  readonly summand: ByteTensor | undefined;
  /** Of the channels of the input. */
  readonly means: ArrayLike<number> | undefined;
  readonly cache: WeightCache;
}

/** The input as the kernel reads it. */
interface KernelInput {
  readonly name: string;
  readonly type: DataType;
  readonly low: number;
  readonly high: number;
  /** What every value is too large by: the weights' sums times it are taken off the bias. */
  readonly offset: number;
  readonly padding: string;
  readonly paddings: readonly number[];
}

/**
 * A convolution in 8 bits with its bias, sum and ReLU.
 * @returns undefined when it cannot be padded: zero is not the byte 0, and how much is unknown
 */
export function writeLayer(
  writer: GraphWriter,
  layer: Layer,
  { input, wanted, summand, means, cache }: LayerTensors,
): ByteTensor | undefined {
  const source = kernelInput(writer, layer, input);
  if (source === undefined) return undefined;
  const { node, weights, channels, bias, ceiling } = layer;
  const name = node.name;
  const quantized = cachedWeights(cache, node.input[1] ?? '', weights, channels);
  const shift =
    wanted.zeroPoint * wanted.scale -
    (summand === undefined ? 0 : summand.zeroPoint * summand.scale);
  const errors = meanErrors(weights, quantized, means ?? [], layer.kind === 'depthwise');
  const adjusted = bias.map(
    (value, channel) =>
      value - source.offset * (quantized.sums[channel] ?? 0) + shift - (errors[channel] ?? 0),
  );
  const float = (label: string, values: Float32Array): string =>
    writer.constant(`${name}/${label}`, DataType.DT_FLOAT, [channels], values);
  const limits = quantized.scales.map((scale) => scale * LARGEST_INT8);
  const kernel =
    layer.kind === 'depthwise'
      ? 'QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize'
      : `QuantizedConv2DWithBias${summand === undefined ? '' : 'Sum'}AndReluAndRequantize`;
  const result = writer.add(
    `${name}/int8`,
    kernel,
    [
      source.name,
      writer.constant(`${name}/weights`, DataType.DT_QINT8, quantized.shape, quantized.values),
      float('bias', adjusted),
      writer.float(source.low),
      writer.float(source.high),
      float(
        'low',
        limits.map((value) => -value),
      ),
      float('high', limits),
      writer.float(0),
      writer.float(reachOf(wanted)),
      ...(summand === undefined
        ? []
        : [summand.name, writer.float(0), writer.float(reachOf(summand))]),
    ],
    {
      Tinput: typeAttr(source.type),
      Tfilter: typeAttr(DataType.DT_QINT8),
      Tbias: typeAttr(DataType.DT_FLOAT),
      ...(summand === undefined ? {} : { Tsummand: typeAttr(DataType.DT_QUINT8) }),
      out_type: typeAttr(DataType.DT_QUINT8),
      strides: intListAttr(integersOf(node.attr, 'strides') ?? [1, 1, 1, 1]),
      dilations: intListAttr(integersOf(node.attr, 'dilations') ?? [1, 1, 1, 1]),
      padding: textAttr(source.padding),
      padding_list: intListAttr(source.paddings),
    },
  );
  const bytes = { name: result, ...wanted };
  if (ceiling === undefined) return bytes;
  // The kernel stops at the byte 0, which is the ReLU where zero is that byte.
  return atMost(writer, atLeastZero(writer, bytes), ceiling);
}

function kernelInput(
  writer: GraphWriter,
  layer: Layer,
  input: LayerInput,
): KernelInput | undefined {
  const { zeroPoint } = input.quantization;
  const padding = paddingOf(layer, input.shape);
  const zeroPads = zeroPoint === 0 || (padding !== undefined && !isPadded(padding));
  if (!zeroPads && padding === undefined) return signedInput(writer, layer, input);
  const bytes = input.bytes();
  if (bytes === undefined) return undefined;
  const unpadded = {
    type: DataType.DT_QUINT8,
    low: 0,
    high: reachOf(bytes),
    offset: bytes.zeroPoint * bytes.scale,
  };
  if (zeroPads || padding === undefined) {
    return { ...unpadded, name: bytes.name, ...kernelPadding(layer, padding) };
  }
  return {
    ...unpadded,
    name: padded(writer, bytes, padding),
    padding: 'VALID',
    paddings: [],
  };
}

/** Zero is the byte 0 in any padding; half of the steps are for values below it. */
function signedInput(
  writer: GraphWriter,
  layer: Layer,
  { float }: LayerInput,
): KernelInput | undefined {
  if (float === undefined) return undefined;
  const { name, reach } = quantizeSigned(writer, float.tensor, float.range);
  return {
    name,
    type: DataType.DT_QINT8,
    low: -reach,
    high: reach,
    offset: 0,
    ...kernelPadding(layer, undefined),
  };
}

/** Kernels take padding that is written out as a list, beside VALID. */
function kernelPadding(
  { node }: Layer,
  padding: Padding | undefined,
): Pick<KernelInput, 'padding' | 'paddings'> {
  const kind = textOf(node.attr, 'padding') ?? 'SAME';
  if (kind !== 'EXPLICIT' || padding === undefined) return { padding: kind, paddings: [] };
  return isPadded(padding)
    ? { padding: 'VALID', paddings: [0, 0, ...padding.rows, ...padding.columns, 0, 0] }
    : { padding: 'VALID', paddings: [] };
}

/** The bytes with the byte that stands for zero around them. */
function padded(writer: GraphWriter, bytes: ByteTensor, { rows, columns }: Padding): string {
  const plain = writer.bitcast(bytes.name, DataType.DT_QUINT8, DataType.DT_UINT8);
  const list = [0, 0, ...rows, ...columns, 0, 0];
  const wider = writer.add(
    `${bytes.name.replace(/:\d+$/, '')}/padded`,
    'PadV2',
    [plain, writer.integers(list, [4, 2]), writer.byte(Math.min(LARGEST_BYTE, bytes.zeroPoint))],
    { T: typeAttr(DataType.DT_UINT8), Tpaddings: typeAttr(DataType.DT_INT32) },
  );
  return writer.bitcast(wider, DataType.DT_UINT8, DataType.DT_QUINT8);
}
