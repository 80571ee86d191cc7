import { byteStringsOver } from '../kernel/byte-strings';
import { bytesPerElement, typedArrayOver, type DType } from '../kernel/element-types';
import { elementCount, isByteStrings, type Tensor } from '../kernel/tensor';
import type { SharedLane } from './shared-lane';

/** A tensor in a message: its elements are in the lane of the run. */
export interface WireTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where the elements begin, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  /** Of a tensor of strings: where their bounds begin; see ByteStrings. */
  readonly bounds?: { readonly offset: number; readonly count: number };
}

/** Puts the elements into the lane where they are not there already. */
export function toWire(tensor: Tensor, lane: SharedLane): WireTensor {
  const { name, dtype, shape, data } = tensor;
  if (!isByteStrings(data)) {
    return { name, dtype, shape, bytes: data.byteLength, offset: place(data, lane) };
  }
  return {
    name,
    dtype,
    shape,
    bytes: data.bytes.byteLength,
    offset: place(data.bytes, lane),
    bounds: { offset: place(data.bounds, lane), count: data.bounds.length },
  };
}

/** A tensor over the memory of the lane. @param capacity of the lane */
export function fromWire(wire: WireTensor, lane: SharedLane, capacity: number): Tensor {
  const { name, dtype, shape, offset, bytes, bounds } = wire;
  if (dtype === 'string') {
    const strings = lane.view(offset, bytes, capacity);
    const { offset: from = 0, count = 0 } = bounds ?? {};
    const view = lane.view(from, count * 4, capacity);
    const data = byteStringsOver(strings, new Uint32Array(view.buffer, from, count));
    return { name, dtype, shape, data };
  }
  const { buffer } = lane.view(offset, bytes, capacity);
  const elements = bytes / bytesPerElement(dtype);
  return { name, dtype, shape, data: typedArrayOver(dtype, buffer, offset, elements) };
}

/** A copy in memory of this process alone. */
export function copyOf(tensor: Tensor): Tensor {
  const { data } = tensor;
  if (!isByteStrings(data)) return { ...tensor, data: data.slice() };
  return { ...tensor, data: byteStringsOver(data.bytes.slice(), data.bounds.slice()) };
}

/** Bytes of the elements of a numeric tensor. */
export function bytesOf(dtype: Exclude<DType, 'string'>, shape: readonly number[]): number {
  return elementCount(shape) * bytesPerElement(dtype);
}

function place(view: Uint8Array | ArrayBufferView, lane: SharedLane): number {
  const there = lane.offsetOf(view);
  if (there !== undefined) return there;
  const target = lane.allocate(view.byteLength);
  target.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return target.byteOffset;
}
