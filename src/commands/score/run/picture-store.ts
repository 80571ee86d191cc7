import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { KeptFile, RowPicture } from '../../../tasks/task-row';
import { joinPath, type Input } from '../inputs/input';
import { pathText } from '../inputs/path-text';
import { outputError } from '../rows/growing-file';

/** Bytes that a name may have on every file system in use. */
const MAX_NAME = 255;

/** Generated pictures, in a tree that mirrors that of the inputs. */
export class PictureStore {
  readonly #folder: string;
  readonly #made = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Writes a picture. It appears under its name when it is whole: after a crash there is the old
   * one, the new one or none.
   * @param mark tells several pictures of one input apart
   * @throws CliError outputFailed
   */
  async save(
    input: Input,
    { bytes, format, width, height }: RowPicture,
    mark?: string,
  ): Promise<KeptFile> {
    const below = pictureName(input.path, format, mark);
    const file = joinPath(Buffer.from(this.#folder), below);
    const slash = file.lastIndexOf(0x2f);
    const folder = file.subarray(0, slash);
    const temporary = joinPath(folder, Buffer.from(`.${randomBytes(8).toString('hex')}.partial`));
    try {
      await this.#makeFolder(folder);
      try {
        await writeFile(temporary, bytes);
        await rename(temporary, file);
      } catch (thrown) {
        await rm(temporary, { force: true });
        throw thrown;
      }
    } catch (thrown) {
      throw outputError(path.join(this.#folder, pathText(below).path), thrown);
    }
    return { path: pathText(below).path, width, height, format, bytes: bytes.length };
  }

  async #makeFolder(folder: Buffer): Promise<void> {
    const name = folder.toString('latin1');
    if (this.#made.has(name)) return;
    await mkdir(folder, { recursive: true });
    // Names of folders are few beside those of files; still, not without a limit.
    if (this.#made.size < 10_000) this.#made.add(name);
  }
}

/**
 * The name of the input with the format added: `a.jpg` and `a.png` beside each other make two
 * pictures. Where that is too long, a hash stands for the end of the name.
 */
export function pictureName(input: Buffer, format: RowPicture['format'], mark?: string): Buffer {
  const slash = input.lastIndexOf(0x2f);
  const folder = input.subarray(0, Math.max(0, slash));
  const name = input.subarray(slash + 1);
  const ending = Buffer.from(
    `${mark === undefined ? '' : `.${mark}`}.${format === 'jpeg' ? 'jpg' : format}`,
  );
  if (name.length + ending.length <= MAX_NAME) {
    return joinPath(folder, Buffer.concat([name, ending]));
  }
  const hash = Buffer.from(`-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`);
  const kept = wholeCharacters(name.subarray(0, MAX_NAME - ending.length - hash.length));
  return joinPath(folder, Buffer.concat([kept, hash, ending]));
}

/** Without the beginning of a UTF-8 character whose rest was cut off. */
function wholeCharacters(name: Buffer): Buffer {
  let end = name.length;
  while (end > 0 && ((name[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1;
  const lead = name[end - 1] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return end - 1 + length <= name.length ? name : name.subarray(0, end - 1);
}
