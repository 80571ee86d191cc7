import { Semaphore } from '../../../kernel/semaphore';
import {
  ImageFault,
  type EngineResult,
  type EngineTimings,
  type ScoringEngine,
} from '../engines/engine';
import { inputText, type Input } from '../inputs/input';
import { FileProblem, readInput, type FileFacts, type ReadOptions } from '../inputs/read-input';
import type { ScoreRow } from '../rows/score-row';
import type { PictureStore } from './picture-store';

export interface ScoreRunOptions {
  /** Those without a row yet. */
  readonly inputs: AsyncIterable<Input>;
  readonly engine: ScoringEngine;
  /** Keeps a row; slows the run down to its pace. */
  readonly append: (row: ScoreRow) => Promise<void>;
  /** Where generated pictures go. */
  readonly pictures: PictureStore | undefined;
  readonly read: ReadOptions;
  readonly timings: boolean;
  /** Decimals of a score. */
  readonly scoreDigits: number;
  /** Rows that are errors after which the run stops. */
  readonly maxErrors: number;
  /** Inputs under way at once. */
  readonly concurrency: number;
  /** Aborted to take no more inputs; what is under way is finished. */
  readonly stop: AbortSignal;
  /** Aborted to drop what is under way, too. */
  readonly drop: AbortSignal;
  readonly onRow?: (
    row: ScoreRow,
    facts: { readonly timings?: EngineTimings; readonly batchRows?: number },
  ) => void;
}

/** How a run came to its end. */
export type RunEnd = 'done' | 'stopped' | 'tooManyErrors';

/**
 * Scores every input: each ends as one row, a score or an error. Inputs are taken only as fast as
 * rows are written.
 * @throws CliError when the engine or the output fails; rows written until then are kept
 */
export async function scoreRun(options: ScoreRunOptions): Promise<RunEnd> {
  const places = new Semaphore(options.concurrency);
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let errors = 0;
  const tooMany = (): boolean => errors > options.maxErrors;
  const over = (): boolean => options.stop.aborted || failures.length > 0 || tooMany();

  const work = async (input: Input): Promise<void> => {
    try {
      const { row, ...facts } = await scoreInput(input, options);
      await options.append(row);
      if (row.status === 'error') errors += 1;
      options.onRow?.(row, facts);
    } catch (thrown) {
      // Dropped, it has no row: the next run takes it.
      if (!options.drop.aborted) failures.push(thrown);
    }
  };

  try {
    for await (const input of options.inputs) {
      if (over()) break;
      // Waits for a place, and leaves it to the work.
      await new Promise<void>((begun) => {
        const one = places.run(async () => {
          begun();
          if (!over()) await work(input);
        });
        running.add(one);
        void one.finally(() => running.delete(one));
      });
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
  if (tooMany()) return 'tooManyErrors';
  return options.stop.aborted ? 'stopped' : 'done';
}

interface Scored {
  readonly row: ScoreRow;
  readonly timings?: EngineTimings;
  readonly batchRows?: number;
}

async function scoreInput(input: Input, options: ScoreRunOptions): Promise<Scored> {
  const { engine, drop } = options;
  const started = performance.now();
  const { root, ...text } = inputText(input);
  const of = { model: engine.model, version: engine.version };
  const failed = (code: string, message: string, facts: Partial<FileFacts> = {}): Scored => ({
    row: { ...text, root, ...facts, ...of, status: 'error', error: { code, message } },
  });
  if (input.problem !== undefined) return failed(input.problem.code, input.problem.message);
  let facts: FileFacts | undefined;
  try {
    const read = await readInput(input, options.read);
    facts = read.facts;
    const result = await engine.score(read.bytes, drop);
    const values = (await valuesOf(input, result, options)) as object;
    const ms = { ...result.timings, total: performance.now() - started };
    const timings = options.timings ? { timings: rounded(ms) } : {};
    return {
      row: { ...text, root, ...facts, ...of, status: 'ok', ...values, ...timings } as ScoreRow,
      ...(result.timings === undefined ? {} : { timings: result.timings }),
      ...(result.batchRows === undefined ? {} : { batchRows: result.batchRows }),
    };
  } catch (thrown) {
    if (thrown instanceof FileProblem) return failed(thrown.code, thrown.message, thrown.facts);
    if (thrown instanceof ImageFault) return failed(thrown.code, thrown.message, facts);
    throw thrown;
  }
}

/** What the task says that a row holds. */
function valuesOf(
  input: Input,
  { answer }: EngineResult,
  { engine, pictures, scoreDigits }: ScoreRunOptions,
): Promise<unknown> {
  return engine.task.row.of(answer, {
    round: (score) => Number(score.toFixed(scoreDigits)),
    keep: async (picture, mark) => pictures?.save(input, picture, mark),
  });
}

function rounded(timings: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(timings).map(([stage, ms]) => [stage, Number(ms.toFixed(2))]),
  );
}
