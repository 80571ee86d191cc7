import type { EncodeFormat } from '../../../imaging/encode';
import { scoredTasks, type ScoredTask } from '../../../tasks/scored-tasks';
import type { RowAnswer } from '../../../tasks/task-row';
import { CliError } from '../../exit-codes';

/** Milliseconds spent on one image, by the stages of the server. */
export interface EngineTimings {
  readonly preprocess: number;
  readonly queue: number;
  readonly infer: number;
  readonly postprocess: number;
}

export interface EngineResult {
  readonly answer: RowAnswer;
  readonly timings: EngineTimings | undefined;
  readonly batchRows: number | undefined;
}

/** What to ask of a model. */
export interface EngineRequest {
  /** Parameters of its task, as in a query. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Of generated pictures. */
  readonly format: EncodeFormat;
  /** 1–100 for jpeg and webp. */
  readonly quality: number | undefined;
}

/** The fault of one image: it becomes its row. Everything else an engine throws ends the run. */
export class ImageFault extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ImageFault';
    this.code = code;
  }
}

/** The stages as rows have them: their names without the unit, which is in the head of a column. */
export function engineTimings(timings: {
  readonly preprocessMs: number;
  readonly queueMs: number;
  readonly inferMs: number;
  readonly postprocessMs: number;
}): EngineTimings {
  return {
    preprocess: timings.preprocessMs,
    queue: timings.queueMs,
    infer: timings.inferMs,
    postprocess: timings.postprocessMs,
  };
}

/** @throws CliError usage for a model of another task, and for parameters that are not the task's */
export function requireImageTask(
  model: string,
  name: string,
  { parameters }: Pick<EngineRequest, 'parameters'>,
): ScoredTask {
  const task = scoredTasks().find((one) => one.name === name);
  if (task === undefined) {
    throw new CliError(
      'usage',
      `The task of model ${model} is ${name}; which is not asked about images; folders are scored with ${scoredTasks()
        .map((one) => one.name)
        .join(', ')}`,
    );
  }
  const allowed = task.row.parameters;
  const other = Object.keys(parameters).find((key) => !allowed.includes(key));
  if (other !== undefined) {
    throw new CliError(
      'usage',
      `${other === 'top' ? '--top' : `--param ${other}`}: ${allowed.length === 0 ? `${name} has no parameters for folders` : `folders are scored by ${name} with ${allowed.join(', ')}`}`,
    );
  }
  const parsed = task.parameters.safeParse(parameters);
  if (parsed.success) return task;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `--param ${path.join('.')}: ${message}`,
  );
  throw new CliError('usage', problems.join('\n'));
}

/** Where images are scored: in this process, or by servers. */
export interface ScoringEngine {
  readonly model: string;
  readonly version: string;
  readonly task: ScoredTask;
  /** Images under way at once that keep it busy. */
  readonly concurrency: number;
  /** Where it scores, in words. */
  readonly place: string;
  /**
   * Scores one encoded image. Waits where the engine is busy.
   * @throws ImageFault for what concerns this image alone; CliError engineFailed
   */
  score(image: Buffer, signal: AbortSignal): Promise<EngineResult>;
  close(): Promise<void>;
}
