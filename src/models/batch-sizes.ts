/**
 * How far apart the sizes are that batches are padded to. A GPU wants few: each costs time and memory
 * the first time it is met. A CPU takes any size at once, and a padding row costs what a row costs:
 * with powers of two the shipped classifier took 6 % more CPU time an image under load.
 */
export type BatchSizeSteps = 'powers-of-two' | 'fine';

/** Sizes from 1 to `limit`, ascending, the limit always among them. */
export function batchSizesUpTo(limit: number, steps: BatchSizeSteps): number[] {
  const sizes: number[] = [];
  for (let size = 1; size < limit; size += steps === 'fine' ? fineStep(size) : size) {
    sizes.push(size);
  }
  return [...sizes, limit];
}

/** Every size up to 8; from there eight steps to twice the size: padding stays below an eighth. */
function fineStep(size: number): number {
  return Math.max(1, 2 ** (Math.floor(Math.log2(size)) - 3));
}
