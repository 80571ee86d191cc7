import { sliceByteStrings, type ByteStrings } from './byte-strings';

/**
 * Tensors as they travel between HTTP, batching and the runtime: plain data, safe to send to another
 * process.
 */

/** Element types that the native binding carries. */
export const DTYPES = [
  'float32',
  'int32',
  'int64',
  'uint8',
  'bool',
  'string',
  'complex64',
] as const;
export type DType = (typeof DTYPES)[number];

/**
 * Row-major elements. int64 is a BigInt64Array, bool a Uint8Array of 0 and 1, complex64 a
 * Float32Array of (real, imaginary) pairs.
 */
export type NumericData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

export type TensorData = NumericData | ByteStrings;

/** Whether the elements are strings. */
export function isByteStrings(data: TensorData): data is ByteStrings {
  return 'bounds' in data;
}

export interface Tensor {
  /** Name of the input or output in the signature. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** One input or output of a signature. */
export interface TensorSpec {
  readonly name: string;
  /** `undefined` where the binding cannot carry the type; `tfDtype` then says which it is. */
  readonly dtype: DType | undefined;
  /** TensorFlow's name of the type, such as `DT_FLOAT`. */
  readonly tfDtype: string;
  /** -1 marks a dimension of any size; `undefined` a tensor of unknown rank. */
  readonly shape: readonly number[] | undefined;
  /** Graph tensor behind the name, such as `serving_default_x:0`. */
  readonly node: string;
}

export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Such as `tensorflow/serving/predict`. */
  readonly methodName: string;
}

/**
 * Whether there are inputs and every one takes any size as its first dimension, and no output is
 * known to have another one: requests may share a run if rows are independent.
 */
export function isBatchable({ inputs, outputs }: Signature): boolean {
  return (
    inputs.length > 0 &&
    inputs.every(({ shape }) => shape?.[0] === -1) &&
    outputs.every(({ shape }) => shape === undefined || shape[0] === -1)
  );
}

export type Signatures = Readonly<Record<string, Signature>>;

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Array entries per element: complex64 stores two floats. */
export function entriesPerElement(dtype: DType): number {
  return dtype === 'complex64' ? 2 : 1;
}

/** Bytes per element; 0 for strings, whose size varies. */
export function bytesPerElement(dtype: DType): number {
  switch (dtype) {
    case 'uint8':
    case 'bool':
      return 1;
    case 'float32':
    case 'int32':
      return 4;
    case 'int64':
    case 'complex64':
      return 8;
    case 'string':
      return 0;
  }
}

/** A typed array over `buffer` for all types but string. */
export function typedArrayOver(
  dtype: Exclude<DType, 'string'>,
  buffer: ArrayBuffer,
  byteOffset: number,
  elements: number,
): NumericData {
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer, byteOffset, elements);
    case 'complex64':
      return new Float32Array(buffer, byteOffset, elements * 2);
    case 'int32':
      return new Int32Array(buffer, byteOffset, elements);
    case 'int64':
      return new BigInt64Array(buffer, byteOffset, elements);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer, byteOffset, elements);
  }
}

/** The elements of a tensor that holds numbers; none for one of strings. */
export function numbersOf({ data }: Tensor): NumericData {
  return isByteStrings(data) ? new Uint8Array() : data;
}

/** A view of `rows` rows of a tensor, starting at `from`. */
export function sliceRows(tensor: Tensor, from: number, rows: number): Tensor {
  const rowShape = tensor.shape.slice(1);
  const rowEntries = elementCount(rowShape) * entriesPerElement(tensor.dtype);
  const [begin, end] = [from * rowEntries, (from + rows) * rowEntries];
  const { data } = tensor;
  return {
    ...tensor,
    shape: [rows, ...rowShape],
    data: isByteStrings(data) ? sliceByteStrings(data, begin, end) : data.subarray(begin, end),
  };
}

/** `[?, 224, 224, 3]`: a shape for a message, `?` for a dimension of any size. */
export function formatShape(shape: readonly number[] | undefined): string {
  return shape === undefined
    ? '[unknown rank]'
    : `[${shape.map((size) => (size < 0 ? '?' : String(size))).join(', ')}]`;
}
