import {
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';

import { hasErrorCode } from '../kernel/errors';
import { hashFiles, sizeOfFiles } from './model-hash';
import type { RewriteReport } from './rewrite-model';
import type { NotRewritten } from './rewrite-process';

/** What is known of one model: its rewrite, or why there is none. */
export type Artefact =
  | { readonly kind: 'rewritten'; readonly directory: string; readonly report: RewriteReport }
  | NotRewritten;

type CacheRecord =
  | { readonly kind: 'rewritten'; readonly report: RewriteReport; readonly sha256: string }
  | NotRewritten;

const RECORD = 'rewrite.json';
const UNFINISHED = 'unfinished-';
/** An unfinished folder older than this belongs to no running process. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Rewritten models on disk, a folder each, named by the hash of what they were made from. Several
 * processes may use one folder: entries appear whole, by a rename, and never change.
 */
export class ArtefactCache {
  readonly #directory: string;
  readonly #maxBytes: number;

  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  /** Undefined when there is none, or when its files are not those that were written. */
  async find(key: string): Promise<Artefact | undefined> {
    const directory = path.join(this.#directory, key);
    let record: CacheRecord;
    try {
      record = JSON.parse(await readFile(path.join(directory, RECORD), 'utf8')) as CacheRecord;
      if (record.kind === 'rewritten') {
        const sha256 = await hashFiles(directory);
        if (sha256 !== record.sha256) return undefined;
      }
    } catch {
      return undefined;
    }
    // The time of last use, for eviction; a cache that cannot be written can still be read.
    const now = new Date();
    await utimes(directory, now, now).catch(() => undefined);
    return record.kind === 'rewritten'
      ? { kind: 'rewritten', directory, report: record.report }
      : record;
  }

  /**
   * A folder to prepare an entry in.
   * @throws Error when the cache cannot be written
   */
  async begin(): Promise<string> {
    await mkdir(this.#directory, { recursive: true });
    return mkdtemp(path.join(this.#directory, UNFINISHED));
  }

  /**
   * Makes a prepared folder an entry, then makes room. When another process came first with the same
   * key, its entry is taken.
   * @param prepared holds a SavedModel when there is a report
   */
  async commit(
    key: string,
    prepared: string,
    outcome: { readonly kind: 'rewritten'; readonly report: RewriteReport } | NotRewritten,
  ): Promise<Artefact | undefined> {
    const record: CacheRecord =
      outcome.kind === 'rewritten' ? { ...outcome, sha256: await hashFiles(prepared) } : outcome;
    await writeFile(path.join(prepared, RECORD), `${JSON.stringify(record, undefined, 2)}\n`);
    const entry = path.join(this.#directory, key);
    try {
      await rename(prepared, entry);
    } catch (thrown) {
      if (!hasErrorCode(thrown, 'ENOTEMPTY') && !hasErrorCode(thrown, 'EEXIST')) throw thrown;
      const theirs = await this.find(key);
      if (theirs !== undefined) {
        await rm(prepared, { recursive: true, force: true });
        return theirs;
      }
      // Damaged: replaced by this one.
      await rm(entry, { recursive: true, force: true });
      await rename(prepared, entry);
    }
    await this.#evict(key);
    return this.find(key);
  }

  /** Least recently used first, until the rest fits. */
  async #evict(keep: string): Promise<void> {
    const entries = await Promise.all(
      (await readdir(this.#directory)).map(async (name) => {
        const directory = path.join(this.#directory, name);
        const [used, bytes] = await Promise.all([
          stat(directory).catch(() => undefined),
          sizeOfFiles(directory).catch(() => 0),
        ]);
        return { name, directory, usedMs: used?.mtimeMs ?? 0, bytes };
      }),
    );
    const abandoned = entries.filter(
      ({ name, usedMs }) => name.startsWith(UNFINISHED) && usedMs < Date.now() - ABANDONED_MS,
    );
    const finished = entries
      .filter(({ name }) => !name.startsWith(UNFINISHED))
      .sort((a, b) => a.usedMs - b.usedMs);
    let total = finished.reduce((sum, { bytes }) => sum + bytes, 0);
    const leaving = finished.filter(({ name, bytes }) => {
      if (total <= this.#maxBytes || name === keep) return false;
      total -= bytes;
      return true;
    });
    for (const { directory } of [...abandoned, ...leaving]) {
      await rm(directory, { recursive: true, force: true });
    }
  }
}
