import type { HalfType } from '../../../kernel/half-floats';
import { DataType } from '../../../saved-model/protobuf/tensorflow_pb';

/**
 * fp16 and bf16: weights and most arithmetic in 16 bits. int8: convolutions and matrix products in 8
 * bits, as far as that is fast and exact enough. int8-weights: weights alone, a scale per output channel;
 * arithmetic stays float32.
 */
export const PRECISIONS = ['fp16', 'bf16', 'int8', 'int8-weights'] as const;
export type Precision = (typeof PRECISIONS)[number];
/** Those that need nothing but the graph. */
export type SimplePrecision = Exclude<Precision, 'int8'>;
export type HalfPrecision = Exclude<SimplePrecision, 'int8-weights'>;

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
