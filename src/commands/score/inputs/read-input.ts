import { createHash } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { open } from 'node:fs/promises';

import type { Input } from './input';
import { problemOf } from './walk-folder';

/** What a file was when it was read. */
export interface FileFacts {
  readonly size: number;
  /** ISO 8601. */
  readonly mtime: string;
  /** `sha256:…` of the content, when it was asked for. */
  readonly hash?: string;
}

export type FileProblemCode =
  'NOT_FOUND' | 'UNREADABLE' | 'NOT_A_FILE' | 'FILE_TOO_LARGE' | 'FILE_CHANGED';

/** Why a file cannot be scored; what is known of it all the same. */
export class FileProblem extends Error {
  readonly code: FileProblemCode;
  readonly facts: Partial<FileFacts>;

  constructor(code: FileProblemCode, message: string, facts: Partial<FileFacts> = {}) {
    super(message);
    this.name = 'FileProblem';
    this.code = code;
    this.facts = facts;
  }
}

export interface ReadOptions {
  readonly maxBytes: number;
  readonly hash: boolean;
}

/** A file that is being written is read again so often. */
const ATTEMPTS = 2;

/** @throws FileProblem */
export async function readInput(
  { file }: Input,
  options: ReadOptions,
): Promise<{ readonly bytes: Buffer; readonly facts: FileFacts }> {
  for (let attempt = 1; ; attempt++) {
    const { bytes, before, after } = await readOnce(file, options.maxBytes);
    const facts = factsOf(after);
    if (same(before, after) && bytes.length === Number(after.size)) {
      if (!options.hash) return { bytes, facts };
      const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      return { bytes, facts: { ...facts, hash } };
    }
    if (attempt === ATTEMPTS) {
      throw new FileProblem('FILE_CHANGED', 'The file changed while it was read', facts);
    }
  }
}

async function readOnce(
  file: Buffer,
  maxBytes: number,
): Promise<{ bytes: Buffer; before: BigIntStats; after: BigIntStats }> {
  try {
    // Without O_NONBLOCK a named pipe would be waited for.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const before = await handle.stat({ bigint: true });
      if (!before.isFile()) throw new FileProblem('NOT_A_FILE', 'This is not a regular file');
      if (before.size > maxBytes) {
        throw new FileProblem(
          'FILE_TOO_LARGE',
          `The file has ${before.size} bytes; ${maxBytes} are allowed`,
          factsOf(before),
        );
      }
      const bytes = await handle.readFile();
      return { bytes, before, after: await handle.stat({ bigint: true }) };
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    if (thrown instanceof FileProblem) throw thrown;
    const { code, message } = problemOf(thrown);
    throw new FileProblem(code, message);
  }
}

function factsOf({ size, mtimeMs }: BigIntStats): FileFacts {
  return { size: Number(size), mtime: new Date(Number(mtimeMs)).toISOString() };
}

function same(a: BigIntStats, b: BigIntStats): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs;
}
