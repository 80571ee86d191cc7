import { rm, stat } from 'node:fs/promises';

import { CliError } from '../../exit-codes';
import { KeySet } from '../inputs/key-set';
import { pathKey } from '../inputs/path-key';
import { csvFormat } from './csv-format';
import { GrowingFile, outputError } from './growing-file';
import { jsonlFormat } from './jsonl-format';
import { writeParquet } from './parquet-file';
import type { RowFormat } from './read-rows';
import { isStream } from './output-lock';
import { differences, factsFile, readFacts, writeFacts, type RunFacts } from './run-facts';
import type { ScoreRow } from './score-row';
import type { TextFormat } from './text-format';

export interface RowOutputOptions {
  readonly file: string;
  readonly format: RowFormat;
  readonly facts: RunFacts;
  /** What to do with a file that is there. */
  readonly existing: 'refuse' | 'resume' | 'overwrite';
  /** Told each row that a run before this one wrote. */
  readonly onResumed: (row: ScoreRow) => void;
}

/** The file of rows: each is in it once it has been appended, whatever happens next. */
export class RowOutput {
  /** Keys of the inputs that have a row. */
  readonly done = new KeySet();
  readonly #options: RowOutputOptions;
  readonly #format: TextFormat;
  readonly #growing: GrowingFile;

  private constructor(options: RowOutputOptions, format: TextFormat, growing: GrowingFile) {
    this.#options = options;
    this.#format = format;
    this.#growing = growing;
  }

  /** @throws CliError usage when the file belongs to something else; outputFailed */
  static async open(options: RowOutputOptions): Promise<RowOutput> {
    const { file, facts, existing } = options;
    const grows = growingFile(options);
    const format = options.format === 'csv' ? csvFormat : jsonlFormat;
    const found = (await exists(grows)) || (await exists(file));
    if (found && existing === 'refuse') {
      throw new CliError(
        'usage',
        `${file} is there already: continue with --resume, begin anew with --overwrite, or choose another --output`,
      );
    }
    const resumes = found && existing === 'resume';
    if (resumes) await requireSame(file, facts);
    if (resumes && grows !== file && !(await exists(grows))) {
      throw new CliError('usage', `${file} is complete: there is nothing to go on with`);
    }
    const length = resumes ? await format.completeLength(grows) : 0;
    if (length > 0) await requireHeader(grows, format);
    const growing = await GrowingFile.open(grows, length);
    const output = new RowOutput(options, format, growing);
    try {
      if (length > 0) await output.#readBack(grows);
      else await growing.append(format.header);
      if (!resumes && !isStream(file)) await writeFacts(file, facts);
    } catch (thrown) {
      await growing.close();
      throw thrown;
    }
    return output;
  }

  /** @throws CliError outputFailed */
  async append(row: ScoreRow): Promise<void> {
    await this.#growing.append(this.#format.write(row));
    this.done.add(pathKey(row));
  }

  /** What has been appended survives a loss of power from here on. */
  checkpoint(): Promise<void> {
    return this.#growing.sync();
  }

  /** @param complete every input has its row */
  async close(complete: boolean): Promise<void> {
    await this.#growing.close();
    if (!complete) return;
    const { file, format, facts } = this.#options;
    const grows = growingFile(this.#options);
    if (format === 'parquet') {
      try {
        await writeParquet(file, this.#format.read(grows));
      } catch (thrown) {
        throw outputError(file, thrown);
      }
    }
    if (isStream(file)) return;
    await writeFacts(file, { ...facts, rows: this.done.size });
    if (grows !== file) await rm(grows, { force: true });
  }

  async #readBack(file: string): Promise<void> {
    try {
      for await (const row of this.#format.read(file)) {
        if (this.done.add(pathKey(row))) this.#options.onResumed(row);
      }
    } catch (cause) {
      throw new CliError('usage', `${file} cannot be resumed`, { cause });
    }
  }
}

/** Parquet cannot grow: its rows are kept beside it until all are there. */
function growingFile({ file, format }: RowOutputOptions): string {
  return format === 'parquet' ? `${file}.rows.jsonl` : file;
}

async function requireSame(file: string, now: RunFacts): Promise<void> {
  const before = await readFacts(file);
  if (before === undefined) {
    throw new CliError('usage', `${factsFile(file)} is missing: ${file} cannot be resumed`);
  }
  const differs = differences(before, now);
  if (differs.length === 0) return;
  throw new CliError(
    'usage',
    `${file} belongs to another run: ${differs.join(', ')}. Use the same options, or another --output`,
  );
}

/** Cells of other columns below the header that is there would be taken for what they are not. */
async function requireHeader(file: string, format: TextFormat): Promise<void> {
  const found = await format.otherHeader(file);
  if (found === undefined) return;
  throw new CliError(
    'usage',
    `${file} cannot be resumed: its columns are ${found}, and this version writes ${format.header.trimEnd()}. Finish it with the version that began it, begin anew with --overwrite, or choose another --output`,
  );
}

async function exists(file: string): Promise<boolean> {
  try {
    const stats = await stat(file);
    return stats.isFile() && stats.size > 0;
  } catch {
    return false;
  }
}
