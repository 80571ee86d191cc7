import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

import { ServingError } from '../../kernel/errors';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

const CONTENT_ENCODINGS = Object.keys(DECODERS);

/** A body may always inflate to so much. */
const ALWAYS_ALLOWED = 4 * 1024 * 1024;
/** Beyond, to so many times what was sent: real tensors and pictures shrink to a tenth at best. */
const MAX_RATIO = 100;

/**
 * What inflates the body; undefined for one that is not compressed.
 * @throws ServingError UNSUPPORTED_MEDIA_TYPE
 */
export function decoderOf(request: IncomingMessage): Transform | undefined {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return undefined;
  if (Object.hasOwn(DECODERS, encoding)) return DECODERS[encoding]?.();
  throw new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    `Content-Encoding ${encoding} is not accepted; allowed are ${CONTENT_ENCODINGS.join(', ')}`,
  );
}

/** @throws ServingError PAYLOAD_TOO_LARGE when a body inflates to far more than was sent */
export function requireModestRatio(sent: number, inflated: number): void {
  if (inflated <= ALWAYS_ALLOWED + MAX_RATIO * sent) return;
  throw new ServingError(
    'PAYLOAD_TOO_LARGE',
    `${sent} compressed bytes inflate to more than ${inflated}; ${ALWAYS_ALLOWED} bytes and ${MAX_RATIO} times what is sent are allowed`,
  );
}
