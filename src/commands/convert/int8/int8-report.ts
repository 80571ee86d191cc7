import type { RangeMethod } from '../../../rewriter/quantize/choose-range';
import type { WeightBytes } from '../precision/convert-model';

/** Why a layer computes in float32. */
export type FloatReason = 'first' | 'last' | 'slower' | 'accuracy' | 'no kernel';

export interface FloatLayer {
  readonly layer: string;
  readonly reason: FloatReason;
  /** `slower`: speed in 8 bits against float32; `accuracy`: difference of the output by it alone. */
  readonly measured?: number;
  readonly detail?: string;
}

export interface Int8Report {
  readonly precision: 'int8';
  /** Layers of the served signature that compute in 8 bits. */
  readonly quantized: readonly string[];
  /** Those that compute in float32, and why. */
  readonly float32: readonly FloatLayer[];
  /** How ranges were chosen, and what each way would have lost. */
  readonly ranges: {
    readonly method: RangeMethod;
    readonly losses: Readonly<Record<RangeMethod, number>>;
    /** Ranges that the model brought itself, from training aware of quantisation. */
    readonly ofModel: number;
  };
  readonly accuracy: {
    readonly budget: number;
    /** On the photos that ranges were calibrated on. */
    readonly loss: number;
    readonly photos: number;
  };
  readonly weightBytes: WeightBytes;
}
