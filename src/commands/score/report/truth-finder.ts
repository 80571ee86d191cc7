import path from 'node:path';

import { LabelsFileError, type Labels, type Truth } from './labels-file';
import type { ScoreRow } from '../rows/score-row';

export type TruthFinder = (row: ScoreRow) => Truth | undefined;

/**
 * Finds the true class of an image: by path, by `root/path`, then by its bare file name. Where the
 * labels file has no file names, by its place among all images in byte order of root and path; the
 * rows are then read once for that.
 * @throws LabelsFileError where there are not as many labels as images
 */
export async function truthFinder(
  labels: Labels | undefined,
  rows: () => AsyncIterable<ScoreRow>,
): Promise<TruthFinder> {
  if (labels === undefined) return () => undefined;
  const { entries } = labels;
  return entries instanceof Map ? byFile(entries) : byPlace(labels.file, entries, rows);
}

function byFile(entries: ReadonlyMap<string, Truth>): TruthFinder {
  return ({ root, path: file }) =>
    entries.get(file) ??
    entries.get(path.posix.join(root, file)) ??
    entries.get(path.posix.basename(file));
}

async function byPlace(
  file: string,
  truths: readonly Truth[],
  rows: () => AsyncIterable<ScoreRow>,
): Promise<TruthFinder> {
  const keys: Buffer[] = [];
  for await (const row of rows()) keys.push(Buffer.from(keyOf(row)));
  if (keys.length !== truths.length) {
    throw new LabelsFileError(file, [
      `without file names it needs one label for each image: ${keys.length} images, ${truths.length} labels`,
    ]);
  }
  keys.sort((a, b) => a.compare(b));
  const places = new Map(keys.map((key, place) => [key.toString(), place]));
  return (row) => truths[places.get(keyOf(row)) ?? -1];
}

function keyOf({ root, path: file }: ScoreRow): string {
  return `${root}/${file}`;
}
