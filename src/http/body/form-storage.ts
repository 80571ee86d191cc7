import type { StorageEngine } from 'multer';

/**
 * Keeps files in memory, as multer's own storage does, but lets go of what it has at once when a form
 * is refused, and copies only what came in pieces.
 */
export function formStorage(): StorageEngine {
  return {
    _handleFile: (_form, { stream }, done) => {
      let chunks: Buffer[] | undefined = [];
      const stop = (why: Error): void => {
        if (chunks === undefined) return;
        chunks = undefined;
        done(why);
      };
      stream.on('data', (chunk: Buffer) => {
        chunks?.push(chunk);
      });
      stream.once('error', stop);
      // Multer has its error, and waits for the file to end before it says so.
      stream.once('limit', () => {
        stop(new Error('The file is too long'));
      });
      stream.once('end', () => {
        if (chunks === undefined) return;
        const [only] = chunks;
        const buffer = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
        chunks = undefined;
        done(null, { buffer, size: buffer.length });
      });
    },
    _removeFile: (_form, _file, done) => {
      done(null);
    },
  };
}
