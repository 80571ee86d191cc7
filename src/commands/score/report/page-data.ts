import path from 'node:path';

import type { ClassRegistry } from './class-registry';
import type { Truth } from './labels-file';
import type { Totals } from './tally';
import { bestOfEach } from '../rows/row-classes';
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
  /** Boxes: class number, score, then left, top, right, bottom in pixels of the original. */
  readonly d?: readonly (readonly [number, number, number, number, number, number])[];
  /** Segments: class number, share of the picture, and the file of the mask where there is one. */
  readonly g?: readonly (readonly [number, number, string | null])[];
  /** Width and height of the original. */
  z?: readonly [number, number] | undefined;
  /** What is to say of a result that is neither classes nor a picture. */
  readonly v?: string;
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
}

/** An error as the page reads it: path, root, code, message. */
export type PageError = readonly [path: string, root: number, code: string, message: string];

/** Everything the page knows, but for inlined thumbnails. */
export interface PageData {
  readonly created: string;
  readonly totals: Omit<Totals, 'classes'>;
  /** Name, index or null, first predictions, true images, correct ones, sum of scores. */
  readonly classes: readonly (readonly [string, number | null, number, number, number, number])[];
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
  truth: Truth | undefined,
  roots: Roots,
  registry: ClassRegistry,
): PageRow {
  return {
    p: row.path,
    r: roots.idOf(row.root),
    ...(row.pathEncoding === 'percent' && { x: 1 as const }),
    ...(row.timings !== undefined && { t: rounded(row.timings) }),
    ...result(row, registry),
    ...('predictions' in row && truth !== undefined && { y: registry.ofTruth(truth) }),
  };
}

function result(row: ScoredRow, registry: ClassRegistry): Partial<PageRow> {
  if ('output' in row) {
    const { path: p, width: w, height: h, bytes: b } = row.output;
    return { o: { p, w, h, b } };
  }
  const classes = 'predictions' in row ? row.predictions : bestOfEach(row);
  const s = classes.map(
    (one) =>
      [registry.ofPrediction(one), one.score === undefined ? null : short(one.score)] as const,
  );
  if ('detections' in row) {
    const d = row.detections.map((one) => {
      const { xmin, ymin, xmax, ymax } = one.box;
      return [registry.ofPrediction(one), short(one.score), xmin, ymin, xmax, ymax] as const;
    });
    return { s, d };
  }
  if ('segments' in row) {
    const { width, height, segments } = row;
    const g = segments.map(
      (one) =>
        [registry.ofPrediction(one), short(one.area / (width * height)), one.mask ?? null] as const,
    );
    return { s, g, z: [width, height] };
  }
  if ('embedding' in row) return { v: vectorText(row.embedding) };
  return { s };
}

/** Its length and first numbers: enough to see that it is none of zeros, or of unit length. */
function vectorText(vector: readonly number[]): string {
  const shown = vector.slice(0, 4).map((value) => value.toPrecision(3));
  const more = vector.length > shown.length ? ', …' : '';
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return `${vector.length} numbers, length ${length.toPrecision(4)}: ${shown.join(', ')}${more}`;
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
