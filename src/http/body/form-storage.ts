import type { Request } from 'express';
import type { StorageEngine } from 'multer';

/** Both throw when what comes is not to be kept. */
export interface FormStorageOptions {
  readonly onFile: (request: Request) => void;
  readonly onBytes: (request: Request, bytes: number) => void;
}

/**
 * Keeps uploaded files in memory, as multer's own memory storage does, but asks before it keeps
 * anything: a form sent in chunks announces no length that could be checked first.
 */
export function formStorage({ onFile, onBytes }: FormStorageOptions): StorageEngine {
  return {
    _handleFile: (request, file, done) => {
      let chunks: Buffer[] = [];
      let over = false;
      try {
        onFile(request);
      } catch (thrown) {
        over = true;
        done(thrown);
      }
      file.stream.on('data', (chunk: Buffer) => {
        if (over) return;
        try {
          onBytes(request, chunk.length);
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
