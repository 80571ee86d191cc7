import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const WEB = path.join(__dirname, '../../../web');
/** Folders that browsers may ask for; the report, which lies beside them, is made elsewhere. */
const FOLDERS = ['base', 'page', 'views', 'reference', 'samples'] as const;
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
};
/** Pages: served at addresses of their own, from templates. */
const PAGES = { page: 'page/index.html', reference: 'reference/index.html' } as const;

export type PageName = keyof typeof PAGES;

/** A file as it is sent. */
export interface WebFile {
  readonly type: string;
  readonly bytes: Buffer;
  /** Undefined where compression gains nothing: pictures. */
  readonly gzipped: (() => Promise<Buffer>) | undefined;
}

/**
 * The files of `web/` in memory: there are few, and they are small. Their addresses hold a hash of all of
 * them, so that a browser may keep each for ever, and no page meets modules of another version.
 */
export class WebFiles {
  readonly hash: string;
  readonly #files: ReadonlyMap<string, WebFile>;
  readonly #pages: Readonly<Record<PageName, WebFile>>;

  constructor(folder = WEB) {
    const found = new Map<string, Buffer>(
      FOLDERS.flatMap((name) =>
        readdirSync(path.join(folder, name))
          .sort()
          .map((file) => [`${name}/${file}`, readFileSync(path.join(folder, name, file))] as const),
      ),
    );
    this.hash = hashOf(found);
    this.#files = new Map(
      [...found].flatMap(([name, bytes]) => {
        const type = MEDIA_TYPES[path.extname(name)];
        return type === undefined ? [] : [[name, webFile(type, bytes)] as const];
      }),
    );
    const page = (name: string): WebFile => {
      const template = found.get(name);
      if (template === undefined) throw new Error(`The file web/${name} is missing`);
      const html = template.toString().replaceAll('{{assets}}', `assets/${this.hash}`);
      return webFile('text/html; charset=utf-8', Buffer.from(html));
    };
    this.#pages = { page: page(PAGES.page), reference: page(PAGES.reference) };
  }

  page(name: PageName): WebFile {
    return this.#pages[name];
  }

  /** @param name folder and file, with a slash between them */
  asset(name: string): WebFile | undefined {
    return this.#files.get(name);
  }

  names(): string[] {
    return [...this.#files.keys()];
  }
}

function hashOf(files: ReadonlyMap<string, Buffer>): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of files) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return hash.digest('hex').slice(0, 16);
}

function webFile(type: string, bytes: Buffer): WebFile {
  let packed: Promise<Buffer> | undefined;
  const isText = /^text|svg/.test(type);
  // When it is first asked for: most servers are never looked at with a browser.
  const gzipped = () => (packed ??= promisify(gzip)(bytes, { level: 9 }));
  return { type, bytes, gzipped: isText ? gzipped : undefined };
}
