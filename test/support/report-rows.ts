import type { FailedRow, ScoredRow, ScoreRow } from '../../src/commands/score/rows/score-row';

const base = { root: 'photos', size: 1000, model: 'toy', version: '1' };
const noon = '2026-01-02T12:00:00.000Z';

/** A classified image; predictions as `[index, label, score]`, best first. */
export function scored(
  path: string,
  predictions: readonly (readonly [number, string, number])[] = [[0, 'cat', 0.9]],
  root = base.root,
): ScoredRow {
  return {
    ...base,
    path,
    root,
    mtime: noon,
    status: 'ok',
    predictions: predictions.map(([index, label, score]) => ({ index, label, score })),
    timings: { preprocess: 4, queue: 1, infer: 10, postprocess: 0.1, total: 15.1 },
  };
}

export function failed(path: string, code = 'UNDECODABLE_IMAGE', message = 'broken'): FailedRow {
  return { ...base, path, mtime: noon, status: 'error', error: { code, message } };
}

export function generated(path: string, output: string, root = base.root): ScoredRow {
  return {
    ...base,
    path,
    root,
    mtime: noon,
    status: 'ok',
    output: { path: output, width: 128, height: 96, format: 'png', bytes: 5000 },
    timings: { total: 40 },
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- rows come asynchronously
export async function* generate(rows: readonly ScoreRow[]): AsyncGenerator<ScoreRow> {
  yield* rows;
}
