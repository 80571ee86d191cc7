import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';

import { orderedMap } from './ordered-map';
import { THUMBNAILS_PER_BLOCK, renderPage } from './page';
import {
  Roots,
  pageError,
  pageRow,
  relativeAddress,
  type PageData,
  type PageError,
  type PageRow,
} from './page-data';
import { picturePath } from './picture-path';
import { StableSample } from './stable-sample';
import { Tally, type Totals } from './tally';
import { PER_FOLDER, ThumbnailStore } from './thumbnail-store';
import { truthFinder } from './truth-finder';
import type { ClassRegistry } from './class-registry';
import { readLabelsFile, type Truth } from './labels-file';
import { viewOf } from './row-view';
import { tintMasks, type TintedMask } from '../../../imaging/mask-picture';
import { makeThumbnail, uprightSize } from '../../../imaging/thumbnail';
import { classColour } from '../../../tasks/class-colours';
import type { RowFinding, RowView } from '../../../tasks/task-row';
import type { PathText } from '../inputs/path-text';
import type { ScoredRow, ScoreRow } from '../rows/score-row';

export interface ReportOptions {
  /** Starts reading the rows; called twice where the labels file has no file names. */
  readonly rows: () => AsyncIterable<ScoreRow>;
  /** The page; its thumbnails lie beside it in `<name>_files` where they do not fit into it. */
  readonly target: string;
  /** Used instead of each row's own root. */
  readonly imagesRoot?: string | undefined;
  /** Folder of the generated pictures. */
  readonly outDir?: string | undefined;
  readonly labelsFile?: string | undefined;
  /** Most images on the page; the totals are of all. @default 20000 */
  readonly listLimit?: number | undefined;
  /** Bytes of thumbnails that go into the page itself. @default 25165824 */
  readonly inlineLimit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ReportProgress) => void) | undefined;
}

interface ReportProgress {
  readonly phase: 'rows' | 'thumbnails';
  readonly done: number;
  readonly total: number | undefined;
}

export interface ReportSummary {
  readonly target: string;
  readonly bytes: number;
  readonly totals: Totals;
  readonly listed: number;
  readonly thumbnails: number;
  /** Listed images of which no thumbnail could be made: gone, changed or no longer readable. */
  readonly withoutThumbnail: number;
  /** Folder of the thumbnail files; undefined where they are in the page. */
  readonly folder: string | undefined;
}

export const DEFAULT_LIST_LIMIT = 20_000;
/** 24 MiB: a page of 32 MiB in base64, which browsers open at once. */
export const DEFAULT_INLINE_LIMIT = 24 * 1024 * 1024;
const LISTED_ERRORS = 5000;
/** Pixels of the longer side; a generated picture is looked at closely. */
const THUMBNAIL_EDGE = 256;
const PREVIEW_EDGE = 640;

/** What is kept of a row that may be listed: the pictures to read, not the whole of its result. */
interface Listed {
  readonly file: PathText & { readonly root: string };
  readonly view: RowView;
  readonly page: PageRow;
}

interface Pictures {
  readonly page: PageRow;
  readonly shown: Buffer | undefined;
  readonly before: Buffer | undefined;
  readonly masks: Buffer | undefined;
}

/**
 * Writes the report of scored images. The page appears whole or not at all: it is written beside its
 * place and renamed.
 * @throws LabelsFileError, the signal's reason, or the error of the file system
 */
export async function writeReport(options: ReportOptions): Promise<ReportSummary> {
  const { target, rows, signal } = options;
  const labels =
    options.labelsFile === undefined ? undefined : await readLabelsFile(options.labelsFile);
  const truthOf = await truthFinder(labels, rows);
  const roots = new Roots();
  const tally = new Tally(labels?.by);
  const sample = new StableSample<Listed>(options.listLimit ?? DEFAULT_LIST_LIMIT);
  const failures = new StableSample<PageError>(LISTED_ERRORS);
  let read = 0;
  for await (const row of rows()) {
    signal?.throwIfAborted();
    const truth = truthOf(row);
    tally.add(row, truth);
    const key = `${row.root}\0${row.path}`;
    if (row.status === 'error') failures.add(key, pageError(row, roots));
    else sample.add(key, listedRow(row, truth, roots, tally.registry));
    read += 1;
    options.onProgress?.({ phase: 'rows', done: read, total: undefined });
  }

  const listed = sample.items();
  const parsed = path.parse(path.resolve(target));
  const store = new ThumbnailStore(
    path.join(parsed.dir, `${parsed.name}_files`),
    options.inlineLimit ?? DEFAULT_INLINE_LIMIT,
  );
  try {
    const missing = await addThumbnails(listed, store, options);
    const totals = tally.totals();
    const data = pageData(totals, listed, failures.items(), roots, store, options);
    const bytes = await writeWhole(target, renderPage(data, store.inline), signal);
    await store.removeOlder();
    return {
      target,
      bytes,
      totals,
      listed: listed.length,
      thumbnails: store.count,
      withoutThumbnail: missing,
      folder: store.folder,
    };
  } catch (error) {
    await store.discard();
    throw error;
  }
}

function listedRow(
  row: ScoredRow,
  truth: Truth | undefined,
  roots: Roots,
  registry: ClassRegistry,
): Listed {
  const { path: file, pathEncoding, root } = row;
  const view = viewOf(row);
  return {
    file: { path: file, root, ...(pathEncoding !== undefined && { pathEncoding }) },
    view,
    page: pageRow(row, view, truth, roots, registry),
  };
}

/** @returns how many rows have no thumbnail */
async function addThumbnails(
  listed: readonly Listed[],
  store: ThumbnailStore,
  { imagesRoot, outDir, signal, onProgress }: ReportOptions,
): Promise<number> {
  const work = async ({ file, view, page }: Listed): Promise<Pictures> => {
    signal?.throwIfAborted();
    const { findings, picture } = view;
    const edge = findings === undefined && picture === undefined ? THUMBNAIL_EDGE : PREVIEW_EDGE;
    const kept = (name: string): Buffer | undefined =>
      outDir === undefined ? undefined : picturePath(outDir, { ...file, path: name });
    const source = picturePath(imagesRoot ?? file.root, file);
    const thumbnail = await thumbnailOf(source, edge);
    const hasBoxes = findings?.some(({ box }) => box !== undefined) ?? false;
    if (hasBoxes && thumbnail !== undefined) page.z = await ofPicture(source, uprightSize);
    const masks = thumbnail && (await maskPicture(findings ?? [], kept, edge));
    return picture === undefined
      ? { page, shown: thumbnail, before: undefined, masks }
      : { page, shown: await thumbnailOf(kept(picture.path), edge), before: thumbnail, masks };
  };
  let done = 0;
  let missing = 0;
  for await (const { page, shown, before, masks } of orderedMap(
    listed,
    availableParallelism(),
    work,
  )) {
    if (shown !== undefined) page.n = await store.add(shown);
    if (before !== undefined) page.b = await store.add(before);
    if (masks !== undefined) page.m = await store.add(masks);
    if (shown === undefined) missing += 1;
    done += 1;
    onProgress?.({ phase: 'thumbnails', done, total: listed.length });
  }
  return missing;
}

/** All masks of an image in one picture, in the colours of their classes; undefined without any. */
async function maskPicture(
  findings: readonly RowFinding[],
  kept: (name: string) => Buffer | undefined,
  edge: number,
): Promise<Buffer | undefined> {
  const masks: TintedMask[] = [];
  // The most important one on top.
  for (const { mask, index } of [...findings].reverse()) {
    const bytes =
      mask === undefined ? undefined : await ofPicture(kept(mask), (read) => Promise.resolve(read));
    if (bytes !== undefined) masks.push({ bytes, colour: classColour(index) });
  }
  try {
    return await tintMasks(masks, edge);
  } catch {
    // Damaged since: the image is shown without.
    return undefined;
  }
}

function thumbnailOf(file: Buffer | undefined, edge: number): Promise<Buffer | undefined> {
  return ofPicture(file, (bytes) => makeThumbnail(bytes, edge));
}

async function ofPicture<T>(
  file: Buffer | undefined,
  make: (bytes: Buffer) => Promise<T>,
): Promise<T | undefined> {
  try {
    // A path can have become a pipe or a device since it was scored: reading that would not end.
    if (file === undefined || !(await stat(file)).isFile()) return undefined;
    return await make(await readFile(file));
  } catch {
    // Gone or damaged since: the page says that there is not a picture.
    return undefined;
  }
}

function pageData(
  { classes, ...totals }: Totals,
  listed: readonly Listed[],
  errors: readonly PageError[],
  roots: Roots,
  store: ThumbnailStore,
  { target, imagesRoot, outDir }: ReportOptions,
): PageData {
  const address = (folder: string): string => relativeAddress(path.dirname(target), folder);
  return {
    created: new Date().toISOString(),
    totals,
    classes: classes.map((one) => [
      one.name,
      one.index ?? null,
      one.predicted,
      one.actual,
      one.correct,
      one.scored === 0 ? null : one.scores / one.scored,
    ]),
    rows: listed.map(({ page }) => page),
    errors,
    roots: roots.names().map((root) => [root, address(imagesRoot ?? root)]),
    outputs: outDir === undefined ? null : address(outDir),
    folder: store.folder ?? null,
    perFolder: PER_FOLDER,
    perBlock: THUMBNAILS_PER_BLOCK,
  };
}

/** @returns bytes written */
async function writeWhole(
  target: string,
  pieces: AsyncIterable<string>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const temporary = `${target}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    let bytes = 0;
    try {
      for await (const piece of pieces) {
        signal?.throwIfAborted();
        const chunk = Buffer.from(piece);
        await file.writeFile(chunk);
        bytes += chunk.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
    return bytes;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
