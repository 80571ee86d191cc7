import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** What a model needed when it was loaded. */
export interface Need {
  /** Bytes of memory, all its instances together. */
  readonly bytes: number;
  /** Milliseconds until it took requests. */
  readonly loadMs: number;
}

export interface KnownNeedsOptions {
  /** Folder of the records; undefined: nothing is kept beyond the process. */
  readonly directory: string | undefined;
  /** What the figures depend on besides the files: TensorFlow's version and variant, threads … */
  readonly runtime: string;
}

/** Remembers what models need, over restarts too: by the state of their files. */
export class KnownNeeds {
  readonly #options: KnownNeedsOptions;
  readonly #known = new Map<string, Need>();

  constructor(options: KnownNeedsOptions) {
    this.#options = options;
  }

  /** Undefined when it has never been loaded, as far as is known. */
  async find(revision: string): Promise<Need | undefined> {
    const known = this.#known.get(revision) ?? (await this.#read(revision));
    if (known !== undefined) this.#known.set(revision, known);
    return known;
  }

  /** The larger of two measurements counts: one that was just loaded has not worked yet. */
  async learn(revision: string, need: Need): Promise<void> {
    const before = this.#known.get(revision);
    const learnt = { ...need, bytes: Math.max(need.bytes, before?.bytes ?? 0) };
    this.#known.set(revision, learnt);
    await this.#write(revision, learnt).catch(() => undefined);
  }

  async #read(revision: string): Promise<Need | undefined> {
    const file = this.#fileOf(revision);
    if (file === undefined) return undefined;
    try {
      const { bytes, loadMs } = JSON.parse(await readFile(file, 'utf8')) as Partial<Need>;
      return isCount(bytes) && isCount(loadMs) ? { bytes, loadMs } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whole or not at all: several servers may share the folder. */
  async #write(revision: string, need: Need): Promise<void> {
    const file = this.#fileOf(revision);
    if (file === undefined) return;
    await mkdir(path.dirname(file), { recursive: true });
    const beside = `${file}.${String(process.pid)}`;
    await writeFile(beside, `${JSON.stringify(need)}\n`);
    await rename(beside, file);
  }

  #fileOf(revision: string): string | undefined {
    const { directory, runtime } = this.#options;
    if (directory === undefined) return undefined;
    const hash = createHash('sha256').update(`${runtime}\n${revision}`).digest('hex');
    return path.join(directory, `${hash}.json`);
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
