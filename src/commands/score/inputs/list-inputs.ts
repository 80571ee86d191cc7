import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';

import type { Input } from './input';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Paths from a list, as they come. Lines end with a newline, or with NUL when there is one in the
 * first chunk: then names may hold newlines (`find -print0`).
 */
export async function* listInputs(list: Readable): AsyncGenerator<Input> {
  let rest: Buffer = Buffer.alloc(0);
  let separator: number | undefined;
  for await (const chunk of list as AsyncIterable<Buffer>) {
    separator ??= chunk.includes(0) ? 0 : NEWLINE;
    const text = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (;;) {
      const end = text.indexOf(separator, start);
      if (end < 0) break;
      yield* listed(text.subarray(start, end), separator);
      start = end + 1;
    }
    rest = Buffer.from(text.subarray(start));
  }
  yield* listed(rest, separator ?? NEWLINE);
}

/** The list of --from-file; `-` is standard input. */
export function openList(file: string): Readable {
  return file === '-' ? process.stdin : createReadStream(file);
}

function* listed(line: Buffer, separator: number): Generator<Input> {
  const file =
    separator === NEWLINE && line.at(-1) === RETURN ? line.subarray(0, -1) : Buffer.from(line);
  if (file.length === 0) return;
  const absolute = file[0] === 0x2f;
  yield {
    root: absolute ? '/' : '.',
    path: absolute ? file.subarray(1) : withoutDot(file),
    file: Buffer.from(file),
  };
}

/** `./a.jpg` and `a.jpg` are the same file. */
function withoutDot(file: Buffer): Buffer {
  return file[0] === 0x2e && file[1] === 0x2f ? file.subarray(2) : file;
}
