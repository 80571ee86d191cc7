import type { PhotoSize } from './photos';
import type { Encoding } from './request-bodies';

type BenchTask = 'classify' | 'generate';

/** One line of the results: what is sent, and by how many connections. */
export interface BenchCase {
  readonly name: string;
  readonly task: BenchTask;
  readonly connections: number;
  readonly photos: PhotoSize;
  readonly encoding: Encoding;
  /** Copies of the model, each asked in turn. */
  readonly models: number;
  /** Milliseconds that a client pauses after 429; 0: it asks again at once. */
  readonly patienceMs: number;
  /** Measured for so many times the usual length. */
  readonly stretch: number;
}

const base = {
  task: 'classify',
  connections: 16,
  photos: 'small',
  encoding: 'multipart',
  models: 1,
  patienceMs: 0,
  stretch: 1,
} as const;

/** In the order of the tables; those of eight models last, as contenders start anew for them. */
export const CASES: readonly BenchCase[] = [
  ...[1, 4, 16, 64].map((connections) => ({
    ...base,
    name: `c${String(connections)}`,
    connections,
  })),
  // A refused client that honours Retry-After, and one that does not. Longer: what is in a full queue at
  // the end has cost its decoding and does not count.
  { ...base, name: 'c256', connections: 256, patienceMs: 1000, stretch: 2 },
  { ...base, name: 'c256-impatient', connections: 256, stretch: 2 },
  { ...base, name: '12mp', photos: 'large' },
  { ...base, name: 'raw', encoding: 'raw' },
  { ...base, name: 'base64', encoding: 'base64' },
  { ...base, name: '12mp-base64', photos: 'large', encoding: 'base64' },
  { ...base, name: 'super-resolution', task: 'generate', photos: 'thumbnail', connections: 4 },
  { ...base, name: '8-models', models: 8 },
];

/** Enough for the bars. */
export const QUICK_CASES: readonly string[] = ['c1', 'c16', 'c256-impatient'];

/** Model and address of a task; a copy's name ends in its number. */
export function modelNames({
  task,
  models,
}: Pick<BenchCase, 'task' | 'models'>): readonly string[] {
  const name = task === 'classify' ? 'efficientnet-lite0' : 'span-x2';
  return models === 1
    ? [name]
    : Array.from({ length: models }, (_, copy) => `${name}-${String(copy)}`);
}

export function casePaths(benchCase: BenchCase): readonly string[] {
  return modelNames(benchCase).map((name) => `/models/${name}/${benchCase.task}`);
}
