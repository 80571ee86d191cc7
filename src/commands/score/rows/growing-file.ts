import { open, type FileHandle } from 'node:fs/promises';

import { hasErrorCode, messageOf } from '../../../kernel/errors';
import { CliError } from '../../exit-codes';

/**
 * A file that text is appended to. What is given while a write is under way goes out together with
 * the next; whoever waits for `append` is slowed down to the pace of the disk.
 */
export class GrowingFile {
  readonly #handle: FileHandle;
  readonly #name: string;
  #waiting: string[] = [];
  #write: Promise<void> | undefined;
  #failure: CliError | undefined;

  private constructor(handle: FileHandle, name: string) {
    this.#handle = handle;
    this.#name = name;
  }

  /**
   * @param length the file is cut to before anything is appended
   * @throws CliError outputFailed
   */
  static async open(name: string, length: number): Promise<GrowingFile> {
    try {
      const handle = await open(name, 'a');
      // A pipe or a device has no length.
      if ((await handle.stat()).isFile()) await handle.truncate(length);
      return new GrowingFile(handle, name);
    } catch (thrown) {
      throw outputError(name, thrown);
    }
  }

  /** @throws CliError outputFailed */
  async append(text: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#waiting.push(text);
    this.#write ??= this.#writeWaiting();
    await this.#write;
  }

  /** Everything appended survives a loss of power from here on. */
  async sync(): Promise<void> {
    await this.#write;
    try {
      await this.#handle.datasync();
    } catch (thrown) {
      // Pipes and devices keep nothing.
      if (!hasErrorCode(thrown, 'EINVAL')) throw this.#failed(thrown);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#write;
      if (this.#failure === undefined) await this.sync();
    } finally {
      await this.#handle.close();
    }
  }

  async #writeWaiting(): Promise<void> {
    // One step later, so that rows that are ready together go together.
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0) {
        const text = this.#waiting.join('');
        this.#waiting = [];
        await this.#handle.appendFile(text);
      }
    } catch (thrown) {
      throw this.#failed(thrown);
    } finally {
      this.#write = undefined;
    }
  }

  #failed(thrown: unknown): CliError {
    this.#failure ??= outputError(this.#name, thrown);
    return this.#failure;
  }
}

/** Whether a failure to write means that nothing can be written any more. */
export function outputError(name: string, thrown: unknown): CliError {
  const full = hasErrorCode(thrown, 'ENOSPC') || hasErrorCode(thrown, 'EDQUOT');
  const reason = full ? 'there is no space left' : messageOf(thrown);
  return new CliError('outputFailed', `${name} cannot be written: ${reason}`, { cause: thrown });
}
