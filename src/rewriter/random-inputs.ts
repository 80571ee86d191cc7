import { joinByteStrings } from '../kernel/byte-strings';
import { isBigData, typedArrayOf, type DType, type NumericDType } from '../kernel/element-types';
import { toHalf } from '../kernel/half-floats';
import { elementCount, type Signature, type Tensor, type TensorSpec } from '../kernel/tensor';
import { NotRewritableError } from './not-rewritable';
import { STRING_KINDS } from './sample-strings';

/** A way to make inputs; models differ in what they accept. */
export interface InputKind {
  /** Values of floats, and of whole numbers rounded down. */
  readonly low: number;
  readonly high: number;
  /** Stands for dimensions of any size, other than the batch. */
  readonly side: number;
  /** What strings are, in turn. @default the first of STRING_KINDS */
  readonly strings?: readonly Uint8Array[] | undefined;
}

/** Tried in order: a network's usual ranges, then sizes that deeper networks need. */
export const INPUT_KINDS: readonly InputKind[] = [
  { low: -1, high: 1, side: 64 },
  { low: 0, high: 1, side: 64 },
  { low: 0, high: 255, side: 64 },
  { low: 0, high: 1, side: 224 },
  { low: 0, high: 1, side: 1 },
];

const FLOATS: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16'];
const COMPLEX: readonly DType[] = ['complex64', 'complex128'];

/** Ways to make inputs of a signature, the likeliest first. */
export function inputKinds({ inputs }: Signature): readonly InputKind[] {
  if (inputs.every(({ dtype }) => dtype !== 'string')) return INPUT_KINDS;
  return STRING_KINDS.flatMap((strings) => INPUT_KINDS.map((kind) => ({ ...kind, strings })));
}

/**
 * Inputs for one run, the same for the same seed.
 * @param rows size of the first dimension where that is open
 * @throws NotRewritableError for an input that nothing can be made up for
 */
export function randomInputs(
  signature: Signature,
  rows: number,
  kind: InputKind,
  seed: number,
): Tensor[] {
  const random = generator(seed);
  return signature.inputs.map((spec): Tensor => {
    const { name, dtype } = spec;
    if (dtype === undefined || spec.shape === undefined) {
      throw new NotRewritableError(
        `no input can be made up for "${name}", to compare answers with`,
      );
    }
    const shape = spec.shape.map((size, index) =>
      size >= 0 ? size : index === 0 ? rows : kind.side,
    );
    if (dtype === 'string') {
      const { strings = STRING_KINDS[0] ?? [] } = kind;
      const data = joinByteStrings(
        Array.from(
          { length: elementCount(shape) },
          (_, index) => strings[index % strings.length] ?? new Uint8Array(),
        ),
      );
      return { name, dtype, shape, data };
    }
    const [from, to] = rangeOf(spec, kind);
    const next = (): number => from + random() * (to - from);
    return { name, dtype, shape, data: filled(dtype, elementCount(shape), next) };
  });
}

function filled(dtype: NumericDType, elements: number, next: () => number): Tensor['data'] {
  const data = typedArrayOf(dtype, elements);
  const fractions = FLOATS.includes(dtype) || COMPLEX.includes(dtype);
  for (let i = 0; i < data.length; i++) {
    const value = next();
    if (isBigData(data)) data[i] = BigInt(Math.floor(value));
    else if (dtype === 'float16' || dtype === 'bfloat16') data[i] = toHalf(value, dtype);
    else data[i] = fractions ? value : Math.floor(value);
  }
  return data;
}

/** Indices and flags are small and never negative. */
function rangeOf(
  { dtype }: TensorSpec,
  { low, high }: Pick<InputKind, 'low' | 'high'>,
): [number, number] {
  if (dtype === 'uint8') return [0, 256];
  if (dtype === 'bool') return [0, 2];
  if (dtype === 'int8') return [0, Math.min(high + 1, 128)];
  const whole = dtype !== undefined && ![...FLOATS, ...COMPLEX].includes(dtype);
  return whole ? [0, high + 1] : [low, high];
}

/** mulberry32: small, and good enough for values that only have to differ. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
