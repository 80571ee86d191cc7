import type { Request } from 'express';
import type { StorageEngine } from 'multer';

import { ServingError } from '../../kernel/errors';

/**
 * Keeps uploaded files in memory, as multer's own memory storage does, but counts all files of a
 * request together: a form sent in chunks announces no length that could be checked first.
 */
export function boundedMemoryStorage(maxBytes: number): StorageEngine {
  const received = new WeakMap<Request, number>();
  return {
    _handleFile: (request, file, done) => {
      const chunks: Buffer[] = [];
      let over = false;
      file.stream.on('data', (chunk: Buffer) => {
        const total = (received.get(request) ?? 0) + chunk.length;
        received.set(request, total);
        if (over) return;
        if (total > maxBytes) {
          over = true;
          chunks.length = 0;
          done(
            new ServingError(
              'PAYLOAD_TOO_LARGE',
              `The files are over the limit of ${maxBytes} bytes`,
            ),
          );
          return;
        }
        chunks.push(chunk);
      });
      file.stream.on('error', (error: Error) => {
        done(error);
      });
      file.stream.on('end', () => {
        if (over) return;
        const buffer = Buffer.concat(chunks);
        done(null, { buffer, size: buffer.length });
      });
    },
    _removeFile: (_request, _file, done) => {
      done(null);
    },
  };
}
