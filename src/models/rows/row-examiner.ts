import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { messageOf } from '../../kernel/errors';
import { together, type RowsVerdict } from '../../kernel/rows-verdict';
import { isBatchable, type Signatures } from '../../kernel/tensor';
import { askProcess } from '../../process/ask-process';
import { hashFiles } from '../../rewriter/model-hash';
import type { ExamineAnswer, ExamineTask } from './examine-process';

/** Another number, and every model is examined anew: raise it when the examination changes. */
const REVISION = 1;

export interface RowExaminerOptions {
  /** Folder for what was found out; it may be one that cannot be written. */
  readonly cacheDirectory: string;
  /** Milliseconds that an examination may take. */
  readonly timeoutMs: number;
  /** What answers depend on besides the files: TensorFlow's version and variant. */
  readonly runtime: string;
  /** Examines a model. @default in a process of its own */
  readonly examine?: Examine;
}

/** @throws Error when the process crashes, or takes too long */
export type Examine = (
  task: ExamineTask,
  timeoutMs: number,
  signal: AbortSignal | undefined,
) => Promise<ExamineAnswer>;

export interface ExaminedModel {
  /** Folder of the version, whose files decide the outcome. */
  readonly source: string;
  /** Folder to load: the same, or its rewrite. */
  readonly loaded: string;
  readonly signatures: Signatures;
}

/** Finds out, and remembers, which signatures have independent rows. Never throws. */
export class RowExaminer {
  readonly #options: RowExaminerOptions;

  constructor(options: RowExaminerOptions) {
    this.#options = options;
  }

  /**
   * @param signal ends an examination that has been started
   * @returns a verdict on every signature whose first dimensions are open
   */
  async examine(
    { source, loaded, signatures }: ExaminedModel,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, RowsVerdict>> {
    const names = Object.keys(signatures).filter((name) => {
      const signature = signatures[name];
      return signature !== undefined && isBatchable(signature);
    });
    if (names.length === 0) return new Map();
    try {
      const file = await this.#fileOf(source);
      const known = await readRecord(file, names);
      if (known !== undefined) return known;
      const { examine = examineInProcess, timeoutMs } = this.#options;
      const answer = await examine({ directory: loaded, signatures: names }, timeoutMs, signal);
      await writeRecord(file, answer).catch(() => undefined);
      return verdictsOf(answer, names);
    } catch (thrown) {
      // Not remembered: it may not come again.
      const verdict = together(`it could not be examined: ${messageOf(thrown)}`);
      return new Map(names.map((name) => [name, verdict]));
    }
  }

  async #fileOf(source: string): Promise<string> {
    const { cacheDirectory, runtime } = this.#options;
    const hash = await hashFiles(source);
    const safe = runtime.replaceAll(/[^\w.]+/g, '-');
    return path.join(cacheDirectory, `${hash}-${safe}-${String(REVISION)}.json`);
  }
}

const examineInProcess: Examine = (task, timeoutMs, signal) =>
  askProcess<ExamineAnswer>('models/rows/examine-process', task, {
    // Sums on the CPU are exact enough to compare, and a GPU's memory stays untouched.
    onCpu: true,
    background: true,
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });

function verdictsOf(answer: ExamineAnswer, names: readonly string[]): Map<string, RowsVerdict> {
  const missing = together('it was not examined');
  return new Map(names.map((name) => [name, answer[name] ?? missing]));
}

/** Undefined when there is none, or when it says nothing of one of the signatures. */
async function readRecord(
  file: string,
  names: readonly string[],
): Promise<Map<string, RowsVerdict> | undefined> {
  try {
    const answer = JSON.parse(await readFile(file, 'utf8')) as ExamineAnswer;
    return names.every((name) => Object.hasOwn(answer, name))
      ? verdictsOf(answer, names)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all: several servers may share the folder. */
async function writeRecord(file: string, answer: ExamineAnswer): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const beside = `${file}.${String(process.pid)}`;
  await writeFile(beside, `${JSON.stringify(answer, undefined, 2)}\n`);
  await rename(beside, file);
}
