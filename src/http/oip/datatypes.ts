import type { DType } from '../../kernel/element-types';

/** Data types of the Open Inference Protocol, and BF16, which Triton added. */
export const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'BF16',
  'FP32',
  'FP64',
  'BYTES',
] as const;
export type Datatype = (typeof DATATYPES)[number];

/** The data type that carries a type of the runtime as it is. */
const OF_DTYPE: Readonly<Record<DType, Datatype | undefined>> = {
  float32: 'FP32',
  float64: 'FP64',
  float16: 'FP16',
  bfloat16: 'BF16',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  bool: 'BOOL',
  string: 'BYTES',
  complex64: undefined,
  complex128: undefined,
};

const OF_TF_DTYPE: Readonly<Record<string, Datatype>> = {
  DT_BOOL: 'BOOL',
  DT_UINT8: 'UINT8',
  DT_UINT16: 'UINT16',
  DT_UINT32: 'UINT32',
  DT_UINT64: 'UINT64',
  DT_INT8: 'INT8',
  DT_INT16: 'INT16',
  DT_INT32: 'INT32',
  DT_INT64: 'INT64',
  DT_HALF: 'FP16',
  DT_BFLOAT16: 'BF16',
  DT_FLOAT: 'FP32',
  DT_DOUBLE: 'FP64',
  DT_STRING: 'BYTES',
};

export function datatypeOf(dtype: DType): Datatype | undefined {
  return OF_DTYPE[dtype];
}

/** What metadata says of a type of TensorFlow; one without a name of its own keeps TensorFlow's. */
export function datatypeName(tfDtype: string): string {
  return OF_TF_DTYPE[tfDtype] ?? tfDtype.replace(/^DT_/, '');
}

/** Bytes of an element on the wire; undefined for BYTES, whose elements bring their own length. */
export function elementBytes(datatype: Datatype): number | undefined {
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
    case 'INT8':
      return 1;
    case 'UINT16':
    case 'INT16':
    case 'FP16':
    case 'BF16':
      return 2;
    case 'UINT32':
    case 'INT32':
    case 'FP32':
      return 4;
    case 'UINT64':
    case 'INT64':
    case 'FP64':
      return 8;
    case 'BYTES':
      return undefined;
  }
}
