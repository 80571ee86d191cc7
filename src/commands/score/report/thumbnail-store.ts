import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

const FOLDER = /^thumbnails-[0-9a-f]{12}$/;
/** Files in one folder: file systems and people both dislike more. */
export const PER_FOLDER = 1000;

/**
 * Holds thumbnails until the page is written: in memory as long as all of them fit into it, else in
 * a folder of their own beside the page. The folder has a new name each time, so that an older page
 * stays whole until the new one has replaced it.
 */
export class ThumbnailStore {
  readonly #inlineLimit: number;
  readonly #parent: string;
  readonly #name = `thumbnails-${randomBytes(6).toString('hex')}`;
  #inline: Buffer[] = [];
  #bytes = 0;
  #count = 0;
  #external = false;

  /**
   * @param parent folder for the thumbnails' folder; made when it is needed
   * @param inlineLimit bytes of thumbnails that may go into the page
   */
  constructor(parent: string, inlineLimit: number) {
    this.#parent = parent;
    this.#inlineLimit = inlineLimit;
  }

  get count(): number {
    return this.#count;
  }

  /** The folder relative to that of the page; undefined while all are held in memory. */
  get folder(): string | undefined {
    return this.#external ? `${path.basename(this.#parent)}/${this.#name}` : undefined;
  }

  /** Those held in memory, by number. */
  get inline(): readonly Buffer[] {
    return this.#inline;
  }

  /** @returns the thumbnail's number */
  async add(thumbnail: Buffer): Promise<number> {
    const number = this.#count;
    this.#count += 1;
    this.#bytes += thumbnail.length;
    if (this.#external) {
      await this.#write(thumbnail, number);
      return number;
    }
    this.#inline.push(thumbnail);
    if (this.#bytes > this.#inlineLimit) {
      this.#external = true;
      for (const [at, held] of this.#inline.entries()) await this.#write(held, at);
      this.#inline = [];
    }
    return number;
  }

  /** Removes the folders of earlier pages, once the new page has replaced them. */
  async removeOlder(): Promise<void> {
    const names = await readdir(this.#parent).catch(() => []);
    for (const name of names) {
      if (FOLDER.test(name) && !(this.#external && name === this.#name)) {
        await rm(path.join(this.#parent, name), { recursive: true, force: true });
      }
    }
  }

  /** Removes what was written for a page that did not come about. */
  async discard(): Promise<void> {
    if (this.#external) {
      await rm(path.join(this.#parent, this.#name), { recursive: true, force: true });
    }
  }

  async #write(thumbnail: Buffer, number: number): Promise<void> {
    const file = path.join(this.#parent, this.#name, thumbnailFile(number));
    if (number % PER_FOLDER === 0) await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, thumbnail);
  }
}

/** As `web/report/data.js` composes it. */
function thumbnailFile(number: number): string {
  return `${Math.floor(number / PER_FOLDER)}/${number}.webp`;
}
