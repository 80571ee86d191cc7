import { createReadStream } from 'node:fs';

import { CsvError, parse } from 'csv-parse';

import { messageOf } from '../../../kernel/errors';

/** The true class of an image, as its labels file names it. */
export interface Truth {
  readonly index?: number;
  readonly name?: string;
}

/** What a labels file says. */
export interface Labels {
  readonly file: string;
  /** Whether classes are compared by index or by name. */
  readonly by: 'index' | 'name';
  /** By file as written in the labels file; or, without file names, by position. */
  readonly entries: Map<string, Truth> | Truth[];
}

/** Every line of a labels file that cannot be used, with the rule that it breaks. */
export class LabelsFileError extends Error {
  constructor(file: string, problems: readonly string[], more = 0) {
    const lines = problems.map((problem) => `  - ${problem}`);
    if (more > 0) lines.push(`  - and ${more} more`);
    super(`The labels file ${file} is not usable:\n${lines.join('\n')}`);
    this.name = 'LabelsFileError';
  }
}

const SHOWN_PROBLEMS = 10;
const FILE_HEADERS = ['file', 'filename', 'path', 'image'];
const INDEX_HEADERS = ['class_index', 'index'];
const NAME_HEADERS = ['label', 'class', 'name'];

/** Which column holds what; -1 where there is none. */
interface Columns {
  readonly file: number;
  readonly index: number;
  readonly name: number;
  readonly header: boolean;
}

/**
 * Reads a CSV file of true classes, in UTF-8.
 *
 * With a header: a column `file` (or filename, path, image) and `class_index` (or index), `label` (or
 * class, name) or both. Without: `file,label`, or a single column. The label is an index where the
 * column is called so, or where there is no such header and the first label is a whole number; else a
 * name. Without file names the n-th label belongs to the n-th image in byte order of root and path.
 * @throws LabelsFileError naming every line that cannot be used
 */
export async function readLabelsFile(file: string): Promise<Labels> {
  const problems: string[] = [];
  let dropped = 0;
  const problem = (line: number, rule: string): void => {
    if (problems.length < SHOWN_PROBLEMS) problems.push(`line ${line}: ${rule}`);
    else dropped += 1;
  };
  let columns: Columns | undefined;
  let by: Labels['by'] | undefined;
  const byFile = new Map<string, Truth & { readonly line: number }>();
  const inOrder: Truth[] = [];

  for await (const { record, line } of records(file, problem)) {
    if (columns === undefined) {
      columns = columnsOf(record);
      if (columns.header) continue;
    }
    by ??= columns.index >= 0 || isIndex(record[columns.name] ?? '') ? 'index' : 'name';
    const truth = truthOf(record, columns, by);
    if (typeof truth === 'string') {
      problem(line, truth);
      continue;
    }
    if (columns.file < 0) {
      inOrder.push(truth);
      continue;
    }
    const key = (record[columns.file] ?? '').replace(/^(\.\/)+/, '');
    const earlier = byFile.get(key);
    if (key === '') problem(line, 'the file name is missing');
    else if (earlier === undefined) byFile.set(key, { ...truth, line });
    else if (earlier.index !== truth.index || earlier.name !== truth.name)
      problem(line, `${JSON.stringify(key)} has another label in line ${earlier.line}`);
  }
  if (by === undefined && problems.length === 0) problems.push('it holds no labels');
  if (problems.length > 0) throw new LabelsFileError(file, problems, dropped);
  return { file, by: by ?? 'name', entries: (columns?.file ?? -1) < 0 ? inOrder : byFile };
}

interface CsvLine {
  readonly record: readonly string[];
  readonly line: number;
}

async function* records(
  file: string,
  problem: (line: number, rule: string) => void,
): AsyncGenerator<CsvLine> {
  const source = createReadStream(file);
  const parser = parse({
    bom: true,
    info: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    // A missing end quote would otherwise swallow the rest of the file into memory.
    max_record_size: 1_000_000,
  });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const item of parser) {
      const { record, info } = item as { record: string[]; info: { lines: number } };
      yield { record, line: info.lines };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) {
      throw new LabelsFileError(file, [`it cannot be read: ${messageOf(error)}`]);
    }
    problem(Number(error['lines'] ?? 0), error.message);
  } finally {
    source.destroy();
  }
}

function columnsOf(first: readonly string[]): Columns {
  const names = first.map((cell) => cell.toLowerCase());
  const find = (wanted: readonly string[]): number =>
    names.findIndex((name) => wanted.includes(name));
  const [file, index, name] = [find(FILE_HEADERS), find(INDEX_HEADERS), find(NAME_HEADERS)];
  const labelled = index >= 0 || name >= 0;
  if (labelled && (file >= 0 || names.length === 1)) return { file, index, name, header: true };
  return names.length === 1
    ? { file: -1, index: -1, name: 0, header: false }
    : { file: 0, index: -1, name: 1, header: false };
}

/** The class of a line, or the rule that it breaks. */
function truthOf(
  record: readonly string[],
  { index, name }: Columns,
  by: Labels['by'],
): Truth | string {
  const label = name < 0 ? '' : (record[name] ?? '');
  if (by === 'name') return label === '' ? 'the label is missing' : { name: label };
  const text = index < 0 ? label : (record[index] ?? '');
  if (text === '') return 'the class index is missing';
  if (!isIndex(text)) {
    return `the class index is a whole number from 0, given ${JSON.stringify(text)}`;
  }
  return { index: Number(text), ...(index >= 0 && label !== '' && { name: label }) };
}

function isIndex(text: string): boolean {
  return /^\d{1,9}$/.test(text);
}
