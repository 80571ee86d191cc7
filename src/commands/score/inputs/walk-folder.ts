import type { BigIntStats } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';

import { hasErrorCode, messageOf } from '../../../kernel/errors';
import { joinPath, type Input, type InputProblem } from './input';

export interface WalkOptions {
  /** The folder as it was given. */
  readonly root: string;
  /** Whether a file, by its path below the root, is to be scored. */
  readonly accept: (path: Buffer) => boolean;
  /** Enter and take what begins with a dot. */
  readonly hidden: boolean;
  /** A link that leads back to a folder above it was skipped. */
  readonly onLoop?: (path: Buffer) => void;
}

interface Folder {
  readonly path: Buffer;
  readonly file: Buffer;
  /** Device and inode of this folder and those above it: a link into one of them is a loop. */
  readonly lineage: readonly string[];
}

/**
 * Every file below a folder, one after the other: nothing but the names of one folder at a time is
 * in memory. Links are followed. Folders and links that cannot be read come as problems.
 */
export async function* walkFolder(options: WalkOptions): AsyncGenerator<Input> {
  const file = Buffer.from(options.root);
  const top = await identity(file);
  if ('problem' in top) {
    yield { root: options.root, path: Buffer.from('.'), file, problem: top.problem };
    return;
  }
  yield* walk({ path: Buffer.alloc(0), file, lineage: [top.id] }, options);
}

async function* walk(folder: Folder, options: WalkOptions): AsyncGenerator<Input> {
  const { root, accept, hidden, onLoop } = options;
  let entries: Awaited<ReturnType<typeof openFolder>>;
  try {
    entries = await openFolder(folder.file);
  } catch (thrown) {
    const path = folder.path.length === 0 ? Buffer.from('.') : folder.path;
    yield { root, path, file: folder.file, problem: problemOf(thrown) };
    return;
  }
  // Folders are entered after the files beside them: one open handle at a time.
  const inside: Folder[] = [];
  for await (const entry of entries) {
    const name = entry.name;
    if (!hidden && name[0] === 0x2e) continue;
    const found = { root, path: joinPath(folder.path, name), file: joinPath(folder.file, name) };
    let kind: 'folder' | 'file' | 'other' = kindOf(entry);
    let id: string | undefined;
    if (kind !== 'file') {
      const target = await identity(found.file);
      if ('problem' in target) {
        if (accept(found.path)) yield { ...found, problem: target.problem };
        continue;
      }
      kind = kindOf(target.stats);
      id = target.id;
    }
    if (kind === 'folder' && id !== undefined) {
      if (folder.lineage.includes(id)) onLoop?.(found.path);
      else inside.push({ ...found, lineage: [...folder.lineage, id] });
    } else if (accept(found.path)) {
      yield found;
    }
  }
  for (const next of inside) yield* walk(next, options);
}

interface RawEntry {
  readonly name: Buffer;
  isDirectory(): boolean;
  isFile(): boolean;
}

/** @types/node knows no encoding "buffer" of opendir. */
async function openFolder(folder: Buffer): Promise<AsyncIterable<RawEntry>> {
  const options = { encoding: 'buffer', bufferSize: 256 } as unknown as { bufferSize: number };
  return (await opendir(folder, options)) as unknown as AsyncIterable<RawEntry>;
}

function kindOf(entry: { isDirectory(): boolean; isFile(): boolean }): 'folder' | 'file' | 'other' {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'folder' : 'other';
}

type Identity =
  { readonly id: string; readonly stats: BigIntStats } | { readonly problem: InputProblem };

async function identity(file: Buffer): Promise<Identity> {
  try {
    const stats = await stat(file, { bigint: true });
    return { id: `${stats.dev}:${stats.ino}`, stats };
  } catch (thrown) {
    return { problem: problemOf(thrown) };
  }
}

export function problemOf(thrown: unknown): InputProblem {
  return hasErrorCode(thrown, 'ENOENT')
    ? {
        code: 'NOT_FOUND',
        message: 'There is no such file: it was removed, or a link leads nowhere',
      }
    : { code: 'UNREADABLE', message: systemMessage(thrown) };
}

/** Without the path: the row has it. */
function systemMessage(thrown: unknown): string {
  return messageOf(thrown).replace(/, \w+( '.*)?$/s, '');
}
