/** Elements of each data type of the Open Inference Protocol, row-major. */
export interface TensorData {
  /** 0 and 1. */
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  /** Bit patterns. */
  FP16: Uint16Array;
  /** Bit patterns. */
  BF16: Uint16Array;
  FP32: Float32Array;
  FP64: Float64Array;
  /** One element each; text is UTF-8: see `textOf`. */
  BYTES: Uint8Array[];
}

export type Datatype = keyof TensorData;

/** A tensor as it is answered: `datatype` tells which array `data` is. */
export type Tensor = {
  [D in Datatype]: {
    readonly datatype: D;
    readonly shape: readonly number[];
    readonly data: TensorData[D];
  };
}[Datatype];

/** A tensor to send. */
export interface TensorInput {
  /** Sizes of the dimensions; their product is the number of elements. */
  readonly shape: readonly number[];
  /** Row-major. Text, and Uint8Arrays (such as encoded images), become BYTES. */
  readonly data: NumberArray | readonly string[] | readonly Uint8Array[] | readonly boolean[];
  /**
   * Needed only where the array does not say it: a Uint8Array that is BOOL.
   * @default that of the array
   */
  readonly datatype?: Datatype | undefined;
}

export type NumberArray = Exclude<TensorData[Datatype], Uint8Array[]>;

/** Text of an element of a BYTES tensor. */
export function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

type NumericDatatype = keyof typeof ARRAYS;

export function isNumeric(datatype: string): datatype is NumericDatatype {
  return Object.hasOwn(ARRAYS, datatype);
}

/** The data type that an array stands for. */
export function datatypeOf({ data, datatype }: TensorInput): Datatype {
  if (datatype !== undefined) return datatype;
  if (isList(data)) return typeof data[0] === 'boolean' ? 'BOOL' : 'BYTES';
  const found = (Object.keys(ARRAYS) as NumericDatatype[]).find(
    (name) => name !== 'BOOL' && data instanceof ARRAYS[name],
  );
  if (found === undefined)
    throw new TypeError('The data of a tensor is not an array that can be sent');
  return found;
}

/**
 * The elements as the protocol has them on the wire: little-endian, as every machine that runs
 * this is.
 */
export function wireBytes(tensor: TensorInput): Uint8Array {
  const { data } = tensor;
  if (!isList(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (datatypeOf(tensor) === 'BOOL') return Uint8Array.from(data, Number);
  const encoder = new TextEncoder();
  return prefixed(
    data.map((element) =>
      element instanceof Uint8Array ? element : encoder.encode(String(element)),
    ),
  );
}

/** Elements of a numeric tensor; a view where the place in the body allows it, else a copy. */
export function numbersAt(
  datatype: NumericDatatype,
  body: ArrayBuffer,
  offset: number,
  bytes: number,
): NumberArray {
  const array = ARRAYS[datatype];
  const size = array.BYTES_PER_ELEMENT;
  if (bytes % size !== 0) throw new RangeError(`${bytes} bytes are no whole number of ${datatype}`);
  return offset % size === 0
    ? new array(body, offset, bytes / size)
    : new array(body.slice(offset, offset + bytes));
}

/** Elements of a BYTES tensor: each has its length in front of it. */
export function elementsAt(body: ArrayBuffer, offset: number, bytes: number): Uint8Array[] {
  const view = new DataView(body, offset, bytes);
  const elements: Uint8Array[] = [];
  for (let at = 0; at < bytes;) {
    const length = view.getUint32(at, true);
    if (at + 4 + length > bytes) throw new RangeError('a BYTES element ends early');
    elements.push(new Uint8Array(body, offset + at + 4, length));
    at += 4 + length;
  }
  return elements;
}

function prefixed(elements: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(elements.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.length, true);
    bytes.set(element, at + 4);
    at += 4 + element.length;
  }
  return bytes;
}

function isList(
  data: TensorInput['data'],
): data is readonly string[] | readonly Uint8Array[] | readonly boolean[] {
  return Array.isArray(data);
}
