import { constants, createInflate } from 'node:zlib';

import { messageOf } from '../../kernel/errors';
import { tookTooLong, undecodable } from '../image-errors';
import type { TiffFacts } from './inspect-tiff';
import { chunkAt, chunkBytes, chunkName } from './tiff-layout';
import { COMPRESSION, TAG } from './tiff-tags';

const OUTPUT_CHUNK = 256 * 1024;
/** Strips or tiles that are inflated at once: small ones cost more in waiting than in work. */
const AT_ONCE = 4;
const FILL_ORDER_REVERSED = 2;

/**
 * Inflates every strip or tile of a TIFF with Deflate and compares the checksum at its end, which libtiff
 * does not: it stops where it has enough bytes, right or not. Works outside the main thread, and keeps
 * nothing of what it inflates.
 * @param timeoutS seconds that it may take; 0: any time
 * @throws ServingError UNDECODABLE_IMAGE, DECODE_TIMEOUT
 */
export async function verifyDeflate(
  file: Buffer,
  { directory, layout }: TiffFacts,
  timeoutS: number,
): Promise<void> {
  const { compression, chunks } = layout;
  if (compression !== COMPRESSION.deflate && compression !== COMPRESSION.oldDeflate) return;
  if (directory.number(TAG.fillOrder) === FILL_ORDER_REVERSED) return;
  const until = timeoutS === 0 ? Infinity : performance.now() + timeoutS * 1000;
  const most = chunkBytes(layout);
  const verify = async (index: number): Promise<void> => {
    const { start, end } = chunkAt(directory, layout, index);
    try {
      await inflate(file.subarray(start, end), most, until);
    } catch (cause) {
      const why = `${chunkName(layout, index)} does not inflate: ${messageOf(cause)}`;
      throw undecodable('tiff', why);
    }
  };
  for (let first = 0; first < chunks; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, chunks - first);
    await Promise.all(Array.from({ length: count }, (_, index) => verify(first + index)));
    if (performance.now() > until) throw tookTooLong('tiff');
  }
}

/** @throws Error of zlib, and where more comes out than fits */
async function inflate(bytes: Buffer, most: number, until: number): Promise<void> {
  // Where the checksum is cut off it is not missed; whether all pixels are there, libtiff sees.
  const stream = createInflate({
    chunkSize: Math.max(64, Math.min(OUTPUT_CHUNK, most + 1)),
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  stream.end(bytes);
  let length = 0;
  for await (const chunk of stream) {
    length += (chunk as Buffer).length;
    if (length > most) throw new Error(`it holds more than its ${most} bytes`);
    // Leaving the loop ends the stream.
    if (performance.now() > until) return;
  }
}
