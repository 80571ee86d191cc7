import { stat } from 'node:fs/promises';
import path from 'node:path';

import picomatch from 'picomatch';

import { CliError } from '../../exit-codes';
import type { Input } from './input';
import { listInputs, openList } from './list-inputs';
import { walkFolder } from './walk-folder';

export interface InputOptions {
  /** Folders, files and patterns. */
  readonly paths: readonly string[];
  /** A file with a list of paths; `-` is standard input. */
  readonly list: string | undefined;
  /** Files of any name, and hidden ones too. @default those with the name of an image */
  readonly allFiles: boolean;
  readonly onLoop?: (path: Buffer) => void;
}

/** Names of images, those of formats that are refused included: each is told so in its row. */
const IMAGE_NAME = /\.(jpe?g|jfif|png|webp|gif|tiff?|avif|heic|heif|bmp|svg|jp2|jxl|ico|ppm)$/i;

type Source =
  | { readonly kind: 'folder'; readonly root: string }
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'pattern'; readonly root: string; readonly pattern: string };

/**
 * Every input, in no order that could be relied on.
 * @throws CliError for a path that is not there
 */
export async function* findInputs(options: InputOptions): AsyncGenerator<Input> {
  const sources: Source[] = [];
  // All first: a wrong path should not come up after an hour.
  for (const given of options.paths) sources.push(await sourceOf(given));
  for (const source of sources) yield* inputsOf(source, options);
  if (options.list !== undefined) yield* listInputs(openList(options.list));
}

async function sourceOf(given: string): Promise<Source> {
  const kind = await kindOf(given);
  if (kind !== undefined) return kind === 'folder' ? { kind, root: given } : { kind, file: given };
  const { base, glob, isGlob } = picomatch.scan(given);
  if (isGlob) return { kind: 'pattern', root: base === '' ? '.' : base, pattern: glob };
  throw new CliError('usage', `There is no file or folder "${given}"`);
}

async function kindOf(given: string): Promise<'folder' | 'file' | undefined> {
  try {
    return (await stat(given)).isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined;
  }
}

async function* inputsOf(source: Source, options: InputOptions): AsyncGenerator<Input> {
  const { onLoop, allFiles } = options;
  const walkOptions = onLoop === undefined ? {} : { onLoop };
  switch (source.kind) {
    case 'file':
      yield {
        root: path.dirname(source.file),
        path: Buffer.from(path.basename(source.file)),
        file: Buffer.from(source.file),
      };
      return;
    case 'folder':
      yield* walkFolder({
        root: source.root,
        hidden: allFiles,
        accept: (below) => allFiles || IMAGE_NAME.test(below.toString('latin1')),
        ...walkOptions,
      });
      return;
    case 'pattern': {
      const matches = picomatch(source.pattern, { dot: allFiles });
      yield* walkFolder({
        root: source.root,
        hidden: allFiles,
        accept: (below) => matches(below.toString()),
        ...walkOptions,
      });
    }
  }
}
