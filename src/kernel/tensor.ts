import { sliceByteStrings, type ByteStrings } from './byte-strings';
import { entriesPerElement, type DType, type NumericData } from './element-types';
import { fromHalfBits } from './half-floats';

/**
 * Tensors as they travel between HTTP, batching and the runtime: plain data, safe to send to another
 * process.
 */

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
export function isBatchable(signature: Signature): boolean {
  return (
    takesAnyRows(signature) &&
    signature.outputs.every(({ shape }) => shape === undefined || shape[0] === -1)
  );
}

/** Whether there are inputs and every one takes any size as its first dimension. */
export function takesAnyRows({ inputs }: Signature): boolean {
  return inputs.length > 0 && inputs.every(({ shape }) => shape?.[0] === -1);
}

export type Signatures = Readonly<Record<string, Signature>>;

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The elements of a tensor as numbers, floats of 16 bits widened; none for one of strings. */
export function numbersOf({ data, dtype }: Pick<Tensor, 'data' | 'dtype'>): NumericData {
  if (isByteStrings(data)) return new Uint8Array();
  return dtype === 'float16' || dtype === 'bfloat16'
    ? fromHalfBits(data as Uint16Array, dtype)
    : data;
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

/**
 * Whether a request that names no outputs is answered this one. Complex numbers are left out: none of
 * the protocols has a form for them.
 */
export function isAnswerable({ dtype }: Pick<TensorSpec, 'dtype'>): boolean {
  return dtype !== undefined && entriesPerElement(dtype) === 1;
}

/** Why a tensor cannot be sent or answered. @param role what it is of its signature */
export function notCarried(
  role: 'input' | 'output',
  { name, node, tfDtype }: Pick<TensorSpec, 'name' | 'node' | 'tfDtype'>,
): string {
  return node === ''
    ? `${role} "${name}" is sparse or made of several tensors, which cannot be carried`
    : `${role} "${name}" has type ${tfDtype}, which cannot be carried`;
}

/** `[?, 224, 224, 3]`: a shape for a message, `?` for a dimension of any size. */
export function formatShape(shape: readonly number[] | undefined): string {
  return shape === undefined
    ? '[unknown rank]'
    : `[${shape.map((size) => (size < 0 ? '?' : String(size))).join(', ')}]`;
}
