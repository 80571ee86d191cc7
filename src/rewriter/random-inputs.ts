import {
  bytesPerElement,
  elementCount,
  typedArrayOver,
  type Signature,
  type Tensor,
  type TensorSpec,
} from '../kernel/tensor';
import { NotRewritableError } from './not-rewritable';
import { joinByteStrings } from '../kernel/byte-strings';

/** A way to make inputs; models differ in what they accept. */
export interface InputKind {
  /** Values of floats, and of whole numbers rounded down. */
  readonly low: number;
  readonly high: number;
  /** Stands for dimensions of any size, other than the batch. */
  readonly side: number;
}

/** Tried in order: a network's usual ranges, then sizes that deeper networks need. */
export const INPUT_KINDS: readonly InputKind[] = [
  { low: -1, high: 1, side: 64 },
  { low: 0, high: 1, side: 64 },
  { low: 0, high: 255, side: 64 },
  { low: 0, high: 1, side: 224 },
  { low: 0, high: 1, side: 1 },
];

/** A model that decodes pictures itself needs one: 8 × 8 pixels, PNG. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGNocEjAihiGlgQAqP5fASpsMB0AAAAASUVORK5CYII=',
  'base64',
);

/** Every dimension 0 is of any size: rows can be added. */
export function isBatchable({ inputs }: Signature): boolean {
  return inputs.length > 0 && inputs.every(({ shape }) => shape?.[0] === -1);
}

/**
 * Inputs for one run, the same for the same seed.
 * @param rows size of the first dimension where that is open
 * @throws NotRewritableError for an input that nothing can be made up for
 */
export function randomInputs(
  signature: Signature,
  rows: number,
  { low, high, side }: InputKind,
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
    const shape = spec.shape.map((size, index) => (size >= 0 ? size : index === 0 ? rows : side));
    const elements = elementCount(shape);
    if (dtype === 'string') {
      const data = joinByteStrings(Array.from({ length: elements }, () => PICTURE));
      return { name, dtype, shape, data };
    }
    const buffer = new ArrayBuffer(elements * bytesPerElement(dtype));
    const data = typedArrayOver(dtype, buffer, 0, elements);
    const [from, to] = rangeOf(spec, low, high);
    for (let i = 0; i < data.length; i++) {
      const value = from + random() * (to - from);
      if (data instanceof BigInt64Array) data[i] = BigInt(Math.floor(value));
      else data[i] = data instanceof Float32Array ? value : Math.floor(value);
    }
    return { name, dtype, shape, data };
  });
}

/** Indices and flags are small and never negative. */
function rangeOf({ dtype }: TensorSpec, low: number, high: number): [number, number] {
  switch (dtype) {
    case 'uint8':
      return [0, 256];
    case 'bool':
      return [0, 2];
    case 'int32':
    case 'int64':
      return [0, high + 1];
    case 'float32':
    case 'complex64':
    case 'string':
    case undefined:
      return [low, high];
  }
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
