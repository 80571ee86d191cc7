import { readFile } from 'node:fs/promises';

import { asError } from '../kernel/errors';

/** Milliseconds between two looks. */
const LOOK_MS = 2000;

export interface WatchedFiles {
  /** Looks now. Never rejects. */
  check(): Promise<void>;
  /** Looks no more. */
  close(): void;
}

export interface WatchOptions {
  /** What was read last, in the order of the files. */
  readonly known: readonly string[];
  /** Told of the contents when one of them is another; may throw what is wrong with them. */
  readonly onChange: (contents: readonly string[]) => void;
  /** Told once of each failure: files that cannot be read, or were refused by `onChange`. */
  readonly onError: (error: Error) => void;
  /** Milliseconds between two looks. @default 2000 */
  readonly intervalMs?: number;
}

/**
 * Looks regularly at a few small files. Their contents are compared: time stamps are of no use where files
 * are links that change, as those of Kubernetes are.
 */
export function watchFiles(
  files: readonly string[],
  { known, onChange, onError, intervalMs = LOOK_MS }: WatchOptions,
): WatchedFiles {
  let last = JSON.stringify(known);
  let lastError = '';
  const look = async (): Promise<void> => {
    try {
      const contents = await readFiles(files);
      const text = JSON.stringify(contents);
      if (text === last) {
        lastError = '';
        return;
      }
      onChange(contents);
      last = text;
      lastError = '';
    } catch (thrown) {
      const error = asError(thrown);
      if (error.message === lastError) return;
      lastError = error.message;
      onError(error);
    }
  };
  let looking = Promise.resolve();
  const check = (): Promise<void> => {
    looking = looking.then(look);
    return looking;
  };
  const timer = setInterval(() => void check(), intervalMs).unref();
  return {
    check,
    close: () => {
      clearInterval(timer);
    },
  };
}

/** @throws Error when one cannot be read */
function readFiles(files: readonly string[]): Promise<string[]> {
  return Promise.all(files.map((file) => readFile(file, 'utf8')));
}
