import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import { z } from 'zod';

import { messageOf } from '../../../kernel/errors';
import type { ScoreRow } from './score-row';
import type { TextFormat } from './text-format';

/** What every row has; the rest was written by the same program. */
const rowSchema = z.looseObject({
  path: z.string(),
  root: z.string(),
  model: z.string(),
  version: z.string(),
  status: z.enum(['ok', 'error']),
});

const CHUNK = 64 * 1024;
const NEWLINE = 0x0a;

/** JSON Lines: an object a line. */
export const jsonlFormat: TextFormat = {
  header: '',
  write: (row) => `${JSON.stringify(row)}\n`,

  // Each row names its own members.
  otherHeader: () => Promise.resolve(undefined),

  /** JSON has no newline inside: what follows the last is torn. */
  async completeLength(file) {
    const handle = await open(file, 'r');
    try {
      let end = (await handle.stat()).size;
      const buffer = Buffer.alloc(CHUNK);
      while (end > 0) {
        const start = Math.max(0, end - CHUNK);
        const { bytesRead } = await handle.read(buffer, 0, end - start, start);
        const at = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
        if (at >= 0) return start + at + 1;
        end = start;
      }
      return 0;
    } finally {
      await handle.close();
    }
  },

  async *read(file) {
    let line = 0;
    const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
    for await (const text of lines) {
      line += 1;
      if (text === '') continue;
      try {
        // Checked as far as it is used without knowing its status.
        yield rowSchema.parse(JSON.parse(text)) as unknown as ScoreRow;
      } catch (cause) {
        throw new Error(`${file}, line ${line}, is not a row: ${messageOf(cause)}`, { cause });
      }
    }
  },
};
