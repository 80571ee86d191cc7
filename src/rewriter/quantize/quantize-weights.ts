import type { FloatConstant } from '../graph/float-constants';
import { LARGEST_INT8 } from './quantization';

/** Weights in 8 bits, symmetric, a scale per output channel. */
export interface QuantizedWeights {
  readonly shape: readonly number[];
  readonly values: Int8Array;
  /** value = int8 · scale of its channel. */
  readonly scales: Float32Array;
  /** Sum of the weights of each channel, as their 8 bits have them. */
  readonly sums: Float64Array;
}

/** Weights by the name of their constant: they are the same in every graph that is made of one. */
export type WeightCache = Map<string, QuantizedWeights>;

/** @param name of the constant, for the cache */
export function cachedWeights(
  cache: WeightCache,
  name: string,
  weights: FloatConstant,
  channels: number,
): QuantizedWeights {
  const known = cache.get(name) ?? quantizeWeights(weights, channels);
  cache.set(name, known);
  return known;
}

/**
 * @param weights channels are the fastest-moving dimension
 * @param channels how many there are
 */
export function quantizeWeights(
  { shape, values }: FloatConstant,
  channels: number,
): QuantizedWeights {
  const scales = new Float32Array(channels);
  values.forEach((value, index) => {
    const channel = index % channels;
    scales[channel] = Math.max(scales[channel] ?? 0, Math.abs(value) / LARGEST_INT8);
  });
  const sums = new Float64Array(channels);
  const quantized = Int8Array.from(values, (value, index) => {
    const channel = index % channels;
    const scale = scales[channel] ?? 0;
    const rounded = scale === 0 ? 0 : Math.round(value / scale);
    const byte = Math.max(-LARGEST_INT8, Math.min(LARGEST_INT8, rounded));
    sums[channel] = (sums[channel] ?? 0) + byte * scale;
    return byte;
  });
  return { shape, values: quantized, scales, sums };
}

/**
 * What rounding the weights adds to each channel of the output on average: it is the same for every
 * input, so the bias can take it off.
 * @param means of the channels of the input; none where they are not known
 * @param depthwise each channel of the input makes the same one of the output
 */
export function meanErrors(
  { values }: FloatConstant,
  quantized: QuantizedWeights,
  means: ArrayLike<number>,
  depthwise: boolean,
): Float64Array {
  const channels = quantized.scales.length;
  const errors = new Float64Array(channels);
  if (means.length === 0) return errors;
  values.forEach((value, index) => {
    const channel = index % channels;
    const input = depthwise ? channel : Math.floor(index / channels) % means.length;
    const rounded = (quantized.values[index] ?? 0) * (quantized.scales[channel] ?? 0);
    errors[channel] = (errors[channel] ?? 0) + (rounded - value) * (means[input] ?? 0);
  });
  return errors;
}
