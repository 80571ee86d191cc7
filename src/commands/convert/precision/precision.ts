import type { HalfType } from '../../../kernel/half-floats';
import { DataType } from '../../../saved-model/protobuf/tensorflow_pb';

/**
 * fp16 and bf16: weights and most arithmetic in 16 bits. int8: weights alone, a scale per output
 * channel; arithmetic stays float32.
 */
export const PRECISIONS = ['fp16', 'bf16', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];
export type HalfPrecision = Exclude<Precision, 'int8'>;

/** The type of a 16-bit precision. */
export const HALF_DTYPES: Readonly<Record<HalfPrecision, HalfType>> = {
  fp16: 'float16',
  bf16: 'bfloat16',
};

/** TensorFlow's type of a 16-bit precision. */
export const HALF_TYPES: Readonly<Record<HalfPrecision, DataType>> = {
  fp16: DataType.DT_HALF,
  bf16: DataType.DT_BFLOAT16,
};
