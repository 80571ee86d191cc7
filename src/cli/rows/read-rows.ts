import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

import type { ScoreRow } from './score-row';

/** Reads the rows of a JSONL result file, one at a time. */
export async function* readRows(file: string): AsyncGenerator<ScoreRow> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  for await (const line of lines) {
    if (line !== '') yield JSON.parse(line) as ScoreRow;
  }
}
