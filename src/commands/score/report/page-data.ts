import path from 'node:path';

import type { ClassRegistry } from './class-registry';
import type { Truth } from './labels-file';
import type { Totals } from './tally';
import { bestOfEach, classesOf, rowTask } from '../rows/row-classes';
import type { RowFinding, RowView } from '../../../tasks/task-row';
import type { FailedRow, ScoredRow } from '../rows/score-row';

/** A listed image as the page reads it: short names, since there are thousands of them. */
export interface PageRow {
  /** Path, as in the result file. */
  readonly p: string;
  /** Number of the root. */
  readonly r: number;
  /** 1 where the path is percent-escaped. */
  readonly x?: 1;
  /** Class numbers and scores, best first. */
  readonly s?: readonly (readonly [number, number | null])[];
  /** What was found in the image, the most important first. */
  readonly f?: readonly PageFinding[];
  /** Width and height of the original, where there are boxes. */
  z?: readonly [number, number] | undefined;
  /** What is to say of a result that is neither classes nor a picture. */
  readonly v?: string;
  /** Numbers of a curve. */
  readonly c?: readonly number[];
  /** Number of the true class. */
  readonly y?: number;
  /** Milliseconds by stage. */
  readonly t?: Readonly<Record<string, number>>;
  /** The generated picture. */
  readonly o?: { readonly p: string; readonly w: number; readonly h: number; readonly b: number };
  /** Number of the thumbnail: of the image, or of the generated picture. */
  n?: number;
  /** Number of the thumbnail of the image that a picture was generated from. */
  b?: number;
  /** Number of the thumbnail that holds all masks of the image, in the colours of their classes. */
  m?: number;
}

interface PageFinding {
  /** Number of its class. */
  readonly c: number;
  /** Score. */
  readonly s?: number;
  /** Share of the image. */
  readonly a?: number;
  /** Left, top, right and bottom in pixels of the original. */
  readonly b?: readonly [number, number, number, number];
  /** File of the mask. */
  readonly m?: string;
}

/** An error as the page reads it: path, root, code, message. */
export type PageError = readonly [path: string, root: number, code: string, message: string];

/** Everything the page knows, but for inlined thumbnails. */
export interface PageData {
  readonly created: string;
  readonly totals: Omit<Totals, 'classes'>;
  /** Name, index or null, images, true images, correct ones, mean score where there are scores. */
  readonly classes: readonly (readonly [
    string,
    number | null,
    number,
    number,
    number,
    number | null,
  ])[];
  readonly rows: readonly PageRow[];
  readonly errors: readonly PageError[];
  /** Name and relative address of each root. */
  readonly roots: readonly (readonly [name: string, href: string])[];
  /** Relative address of the generated pictures. */
  readonly outputs: string | null;
  /** Folder of the thumbnail files relative to the page, and files in each of its folders. */
  readonly folder: string | null;
  readonly perFolder: number;
  /** Thumbnails in each of the page's data blocks. */
  readonly perBlock: number;
}

/** Numbers the roots in the order in which they are met. */
export class Roots {
  readonly #ids = new Map<string, number>();

  idOf(root: string): number {
    const id = this.#ids.get(root) ?? this.#ids.size;
    this.#ids.set(root, id);
    return id;
  }

  names(): string[] {
    return [...this.#ids.keys()];
  }
}

/** The page's form of a row with a result. */
export function pageRow(
  row: ScoredRow,
  view: RowView,
  truth: Truth | undefined,
  roots: Roots,
  registry: ClassRegistry,
): PageRow {
  const ranked = rowTask(row)?.classesAre === 'ranked';
  const named = ranked ? classesOf(row) : bestOfEach(row);
  const s = named.map(
    (one) =>
      [registry.ofPrediction(one), one.score === undefined ? null : short(one.score)] as const,
  );
  const { text, curve, findings, picture } = view;
  return {
    p: row.path,
    r: roots.idOf(row.root),
    ...(row.pathEncoding === 'percent' && { x: 1 as const }),
    ...(row.timings !== undefined && { t: rounded(row.timings) }),
    ...((ranked || findings !== undefined) && { s }),
    ...(findings !== undefined && { f: findings.map((one) => finding(one, registry)) }),
    ...(text !== undefined && { v: text }),
    ...(curve !== undefined && { c: curve.map(short) }),
    ...(picture !== undefined && {
      o: { p: picture.path, w: picture.width, h: picture.height, b: picture.bytes },
    }),
    ...(ranked && truth !== undefined && { y: registry.ofTruth(truth) }),
  };
}

function finding(one: RowFinding, registry: ClassRegistry): PageFinding {
  const { score, share, box, mask } = one;
  return {
    c: registry.ofPrediction(one),
    ...(score !== undefined && { s: short(score) }),
    ...(share !== undefined && { a: short(share) }),
    ...(box !== undefined && { b: [box.xmin, box.ymin, box.xmax, box.ymax] as const }),
    ...(mask !== undefined && { m: mask }),
  };
}

function short(value: number): number {
  return Number(value.toFixed(5));
}

export function pageError(row: FailedRow, roots: Roots): PageError {
  return [row.path, roots.idOf(row.root), row.error.code, row.error.message];
}

/** The address of a folder as seen from the page's folder; ends with a slash. */
export function relativeAddress(pageFolder: string, folder: string): string {
  const relative = path.relative(path.resolve(pageFolder), path.resolve(folder));
  if (relative === '') return './';
  // "./" keeps a name such as "a:b" from being read as a scheme.
  return `./${relative.split(path.sep).map(encodeURIComponent).join('/')}/`;
}

function rounded(timings: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(timings).map(([stage, ms]) => [stage, Number(ms.toFixed(2))]),
  );
}
