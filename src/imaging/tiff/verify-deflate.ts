import { promisify } from 'node:util';
import { constants, createInflate, inflate } from 'node:zlib';

import { messageOf } from '../../kernel/errors';
import { tookTooLong, undecodable } from '../image-errors';
import type { TiffFacts } from './inspect-tiff';
import { chunkAt, chunkBytes, chunkName } from './tiff-layout';
import { COMPRESSION, TAG } from './tiff-tags';

const OUTPUT_CHUNK = 256 * 1024;
/** Strips or tiles that are inflated at once: small ones cost more in waiting than in work. */
const AT_ONCE = 4;
const SMALL_AT_ONCE = 16;
/** Bytes of a strip or tile that is inflated in one piece, which takes half the time. */
const SMALL_BYTES = 256 * 1024;
const inflateWhole = promisify(inflate);
/** Where the checksum is cut off it is not missed; whether all pixels are there, libtiff sees. */
const FINISH = constants.Z_SYNC_FLUSH;
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
  const isSmall = most <= SMALL_BYTES;
  const atOnce = isSmall ? SMALL_AT_ONCE : AT_ONCE;
  const verify = async (index: number): Promise<void> => {
    const { start, end } = chunkAt(directory, layout, index);
    try {
      const bytes = file.subarray(start, end);
      if (isSmall) await verifySmall(bytes, most);
      else await verifyLarge(bytes, most, until);
    } catch (cause) {
      const why = `${chunkName(layout, index)} does not inflate: ${messageOf(cause)}`;
      throw undecodable('tiff', why);
    }
  };
  for (let first = 0; first < chunks; first += atOnce) {
    const count = Math.min(atOnce, chunks - first);
    await Promise.all(Array.from({ length: count }, (_, index) => verify(first + index)));
    if (performance.now() > until) throw tookTooLong('tiff');
  }
}

/** @throws Error of zlib, and where more comes out than fits */
async function verifySmall(bytes: Buffer, most: number): Promise<void> {
  try {
    await inflateWhole(bytes, {
      chunkSize: Math.max(64, most),
      maxOutputLength: most,
      finishFlush: FINISH,
    });
  } catch (thrown) {
    throw isOverflow(thrown) ? tooMuch(most) : thrown;
  }
}

/** As `verifySmall`, without keeping what comes out. */
async function verifyLarge(bytes: Buffer, most: number, until: number): Promise<void> {
  const stream = createInflate({
    chunkSize: Math.min(OUTPUT_CHUNK, most + 1),
    finishFlush: FINISH,
  });
  stream.end(bytes);
  let length = 0;
  for await (const chunk of stream) {
    length += (chunk as Buffer).length;
    if (length > most) throw tooMuch(most);
    // Leaving the loop ends the stream.
    if (performance.now() > until) return;
  }
}

function isOverflow(thrown: unknown): boolean {
  return (
    typeof thrown === 'object' &&
    thrown !== null &&
    'code' in thrown &&
    thrown.code === 'ERR_BUFFER_TOO_LARGE'
  );
}

function tooMuch(most: number): Error {
  return new Error(`it holds more than its ${most} bytes`);
}
