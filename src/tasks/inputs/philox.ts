/**
 * Philox4x32-10: random numbers by counter and key. What stands at a place does not depend on what
 * was drawn before, so noise is the same whatever it is made together with.
 *
 * J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: Parallel Random Numbers: As Easy as 1, 2, 3
 * (SC 2011), https://doi.org/10.1145/2063384.2063405. TensorFlow, cuRAND and NumPy have it too.
 */

const ROUNDS = 10;
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

type Four = readonly [number, number, number, number];

/** The block of four whole numbers of 32 bits at a counter. */
export function philox([a, b, c, d]: Four, [first, second]: readonly [number, number]): Four {
  let [x0, x1, x2, x3] = [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
  let [k0, k1] = [first >>> 0, second >>> 0];
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = highProduct(M0, x0);
    const high1 = highProduct(M1, x2);
    const low0 = Math.imul(M0, x0) >>> 0;
    const low1 = Math.imul(M1, x2) >>> 0;
    [x0, x1, x2, x3] = [(high1 ^ x1 ^ k0) >>> 0, low1, (high0 ^ x3 ^ k1) >>> 0, low0];
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [x0, x1, x2, x3];
}

/** The upper 32 bits of a product of two whole numbers of 32 bits. */
function highProduct(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  // Each sum stays below 2^53.
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Numbers in (0, 1), one after the other: block after block of a key. */
export function uniformStream(seed: number, stream: number): () => number {
  const key = [seed, stream] as const;
  let block: Four = [0, 0, 0, 0];
  let counter = 0;
  let at = 4;
  return () => {
    if (at === 4) {
      block = philox([counter % 2 ** 32, Math.floor(counter / 2 ** 32), 0, 0], key);
      counter += 1;
      at = 0;
    }
    // Never 0, of which there is no logarithm, and never 1.
    return ((block[at++] ?? 0) + 0.5) / 2 ** 32;
  };
}
