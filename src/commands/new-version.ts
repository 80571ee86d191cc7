import { rmSync } from 'node:fs';
import { chmod, mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { CliError } from './exit-codes';
import { hasErrorCode, messageOf } from '../kernel/errors';

const UNFINISHED = '.optimize-';
/** An unfinished folder older than this belongs to no running program. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * A version in the making: a hidden folder beside the versions, which the server does not look into,
 * and which becomes a version by a rename.
 */
export class NewVersion {
  readonly #model: string;
  readonly directory: string;

  private constructor(model: string, directory: string) {
    this.#model = model;
    this.directory = directory;
  }

  /**
   * Removes what interrupted runs have left behind, too.
   * @param model folder of the model
   * @throws CliError outputFailed when the folder cannot be written
   */
  static async begin(model: string): Promise<NewVersion> {
    try {
      await removeAbandoned(model);
      const directory = await mkdtemp(path.join(model, UNFINISHED));
      // Readable for whom the model's folder is: the server may be another user.
      await chmod(directory, (await stat(model)).mode & 0o777);
      return new NewVersion(model, directory);
    } catch (cause) {
      throw new CliError('outputFailed', `no version can be added: ${messageOf(cause)}`, { cause });
    }
  }

  /**
   * Gives the folder the number that is wanted, in place of a version that has it, or the next free one.
   * @param finish writes what depends on the number; called again when another program was first
   * @throws CliError outputFailed
   */
  async publish(finish: (version: number) => Promise<void>, wanted?: number): Promise<void> {
    try {
      if (wanted !== undefined) {
        await finish(wanted);
        await syncFiles(this.directory);
        await replaceFolder(this.directory, path.join(this.#model, String(wanted)));
        return;
      }
      for (let version = await nextVersion(this.#model); ; version += 1) {
        await finish(version);
        await syncFiles(this.directory);
        try {
          await rename(this.directory, path.join(this.#model, String(version)));
          return;
        } catch (thrown) {
          if (!hasErrorCode(thrown, 'ENOTEMPTY') && !hasErrorCode(thrown, 'EEXIST')) throw thrown;
        }
      }
    } catch (cause) {
      throw new CliError('outputFailed', `no version was added: ${messageOf(cause)}`, { cause });
    }
  }

  /** Removes the folder unless it has become a version. */
  discard(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** One more than the largest there is, be it a usable version or not. */
async function nextVersion(model: string): Promise<number> {
  const numbers = (await readdir(model)).filter((name) => /^\d+$/.test(name)).map(Number);
  return Math.max(0, ...numbers) + 1;
}

/** What was there is gone only once the new folder has its name. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const before = `${from}-replaced`;
  const replaced = await rename(to, before).then(
    () => true,
    (cause: unknown) => {
      if (hasErrorCode(cause, 'ENOENT')) return false;
      throw cause;
    },
  );
  await rename(from, to);
  if (replaced) await rm(before, { recursive: true, force: true });
}

/** On the disk before they take the name. */
async function syncFiles(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const handle = await open(path.join(directory, name), 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function removeAbandoned(model: string): Promise<void> {
  for (const name of await readdir(model)) {
    if (!name.startsWith(UNFINISHED)) continue;
    const directory = path.join(model, name);
    const made = await stat(directory).catch(() => undefined);
    if (made === undefined || made.mtimeMs > Date.now() - ABANDONED_MS) continue;
    await rm(directory, { recursive: true, force: true });
  }
}
