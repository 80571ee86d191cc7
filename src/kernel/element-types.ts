/** Elements of every type but string, row-major. */
export type NumericData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** How the elements of a type lie in memory. */
interface ElementType {
  /** Bytes of one element. */
  readonly bytes: number;
  /** Array entries of one element: complex numbers have two, (real, imaginary). */
  readonly entries: 1 | 2;
  readonly view: (buffer: ArrayBuffer, byteOffset: number, entries: number) => NumericData;
}

const float32: ElementType['view'] = (...place) => new Float32Array(...place);
const float64: ElementType['view'] = (...place) => new Float64Array(...place);
const uint8: ElementType['view'] = (...place) => new Uint8Array(...place);
const uint16: ElementType['view'] = (...place) => new Uint16Array(...place);

const ELEMENT_TYPES = {
  float32: { bytes: 4, entries: 1, view: float32 },
  float64: { bytes: 8, entries: 1, view: float64 },
  /** As bit patterns; see half-floats.ts. */
  float16: { bytes: 2, entries: 1, view: uint16 },
  bfloat16: { bytes: 2, entries: 1, view: uint16 },
  int8: { bytes: 1, entries: 1, view: (...place) => new Int8Array(...place) },
  int16: { bytes: 2, entries: 1, view: (...place) => new Int16Array(...place) },
  int32: { bytes: 4, entries: 1, view: (...place) => new Int32Array(...place) },
  int64: { bytes: 8, entries: 1, view: (...place) => new BigInt64Array(...place) },
  uint8: { bytes: 1, entries: 1, view: uint8 },
  uint16: { bytes: 2, entries: 1, view: uint16 },
  uint32: { bytes: 4, entries: 1, view: (...place) => new Uint32Array(...place) },
  uint64: { bytes: 8, entries: 1, view: (...place) => new BigUint64Array(...place) },
  /** 0 and 1. */
  bool: { bytes: 1, entries: 1, view: uint8 },
  complex64: { bytes: 8, entries: 2, view: float32 },
  complex128: { bytes: 16, entries: 2, view: float64 },
} as const satisfies Readonly<Record<string, ElementType>>;

export type NumericDType = keyof typeof ELEMENT_TYPES;
/** Element types of tensors: all that TensorFlow has, but for quantised ones and those of a few bits. */
export type DType = NumericDType | 'string';

export const DTYPES: readonly DType[] = [
  ...(Object.keys(ELEMENT_TYPES) as NumericDType[]),
  'string',
];

/** Array entries per element: complex numbers store two. */
export function entriesPerElement(dtype: DType): number {
  return dtype === 'string' ? 1 : ELEMENT_TYPES[dtype].entries;
}

/** Bytes per element; 0 for strings, whose size varies. */
export function bytesPerElement(dtype: DType): number {
  return dtype === 'string' ? 0 : ELEMENT_TYPES[dtype].bytes;
}

/** A typed array over `buffer` for all types but string. */
export function typedArrayOver(
  dtype: NumericDType,
  buffer: ArrayBuffer,
  byteOffset: number,
  elements: number,
): NumericData {
  const { entries, view } = ELEMENT_TYPES[dtype];
  return view(buffer, byteOffset, elements * entries);
}

/** An array of zeros. */
export function typedArrayOf(dtype: NumericDType, elements: number): NumericData {
  return typedArrayOver(dtype, new ArrayBuffer(elements * bytesPerElement(dtype)), 0, elements);
}

/** Whether entries are bigints. */
export function isBigData(data: NumericData): data is BigInt64Array | BigUint64Array {
  return data instanceof BigInt64Array || data instanceof BigUint64Array;
}
