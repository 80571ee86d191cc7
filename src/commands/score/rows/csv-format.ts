import { createReadStream } from 'node:fs';

import { parse } from 'csv-parse';
import { stringify } from 'csv-stringify/sync';

import { messageOf } from '../../../kernel/errors';
import { COLUMN_NAMES, flatten, unflatten } from './flat-row';
import type { TextFormat } from './text-format';

const QUOTE = 0x22;
const NEWLINE = 0x0a;

const HEADER = stringify([[...COLUMN_NAMES]]);

/** CSV as in RFC 4180, but for lines that end with a newline alone; UTF-8. */
export const csvFormat: TextFormat = {
  header: HEADER,
  write: (row) => {
    const flat = flatten(row);
    const cells = COLUMN_NAMES.map((name) => {
      const cell = flat[name] ?? null;
      return typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : cell;
    });
    return stringify([cells]);
  },

  async otherHeader(file) {
    const parser = createReadStream(file).pipe(
      parse({ bom: true, to: 1, relax_column_count: true, relax_quotes: true }),
    );
    for await (const first of parser as AsyncIterable<string[]>) {
      const header = stringify([first]);
      return header === HEADER ? undefined : header.trimEnd();
    }
    return undefined;
  },

  /** A newline inside quotes is part of a value: names of files may hold them. */
  async completeLength(file) {
    let offset = 0;
    let complete = 0;
    let quoted = false;
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      for (let i = 0; i < chunk.length; i++) {
        if (chunk[i] === QUOTE) quoted = !quoted;
        else if (chunk[i] === NEWLINE && !quoted) complete = offset + i + 1;
      }
      offset += chunk.length;
    }
    return complete;
  },

  async *read(file) {
    const parser = createReadStream(file).pipe(parse({ columns: true, bom: true }));
    try {
      for await (const record of parser as AsyncIterable<Record<string, string>>) {
        yield unflatten(record);
      }
    } catch (cause) {
      throw new Error(`${file}, line ${parser.info.lines}, is not a row: ${messageOf(cause)}`, {
        cause,
      });
    }
  },
};
