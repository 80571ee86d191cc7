import { byteStringAt } from '../../kernel/byte-strings';
import { isByteStrings, numbersOf, type Tensor } from '../../kernel/tensor';

/**
 * A number may be off by so much of the largest in its row: TensorFlow computes batches of different
 * sizes in different ways, and half precision rounds at 1e-3. What depends on other rows is off by far
 * more.
 */
const TOLERANCE = 1e-2;
/** So many of the elements may be off by more: near ties are ranked either way. */
const SHARE_OF_TIES = 0.05;
/** Below this a row counts as zeros: rounding errors have no scale there. */
const TINY = 1e-6;

/** How an output of a row that was run alone differs from what it was among others, in words. */
export function rowDifference(alone: Tensor, among: Tensor): string | undefined {
  if (alone.dtype !== among.dtype || alone.shape.join() !== among.shape.join()) {
    return `has shape [${among.shape.join(', ')}] among others and [${alone.shape.join(', ')}] alone`;
  }
  const elements = alone.data.length;
  const off = isByteStrings(alone.data) ? textsOff(alone, among) : numbersOff(alone, among);
  if (off === 0 || (elements > 1 && off <= SHARE_OF_TIES * elements)) return undefined;
  return `differs in ${off} of ${elements} elements`;
}

function textsOff({ data: a }: Tensor, { data: b }: Tensor): number {
  if (!isByteStrings(a) || !isByteStrings(b)) return a.length;
  let off = 0;
  for (let i = 0; i < a.length; i++) {
    if (!Buffer.from(byteStringAt(a, i)).equals(byteStringAt(b, i))) off += 1;
  }
  return off;
}

function numbersOff(alone: Tensor, among: Tensor): number {
  const [a, b] = [numbersOf(alone), numbersOf(among)];
  if (isByteStrings(alone.data) || isByteStrings(among.data)) return alone.data.length;
  let largest = TINY;
  for (const value of a) {
    const size = Math.abs(Number(value));
    if (Number.isFinite(size) && size > largest) largest = size;
  }
  let off = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [Number(a[i]), Number(b[i])];
    const isNear = Object.is(x, y) || Math.abs(x - y) <= TOLERANCE * largest;
    if (!isNear) off += 1;
  }
  return off;
}
