import type { Request } from 'express';
import type { StorageEngine } from 'multer';

/**
 * Keeps uploaded files in memory, as multer's own memory storage does, but asks before it keeps
 * anything: a form sent in chunks announces no length that could be checked first.
 * @param keep notes bytes of a request; throws when they are not to be kept
 */
export function formStorage(keep: (request: Request, bytes: number) => void): StorageEngine {
  return {
    _handleFile: (request, file, done) => {
      let chunks: Buffer[] = [];
      let over = false;
      file.stream.on('data', (chunk: Buffer) => {
        if (over) return;
        try {
          keep(request, chunk.length);
          chunks.push(chunk);
        } catch (thrown) {
          over = true;
          chunks = [];
          done(thrown);
        }
      });
      file.stream.on('error', (error: Error) => {
        done(error);
      });
      file.stream.on('end', () => {
        if (over) return;
        const [only] = chunks;
        const buffer = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
        chunks = [];
        done(null, { buffer, size: buffer.length });
      });
    },
    _removeFile: (_request, _file, done) => {
      done(null);
    },
  };
}
