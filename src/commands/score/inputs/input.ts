import { pathText, type PathText } from './path-text';

/** A file to be scored, or something that was to be one and cannot be read. */
export interface Input {
  /** The folder it was found under, as it was given. */
  readonly root: string;
  /** Below the root, with `/` between folders. */
  readonly path: Buffer;
  /** What to open. */
  readonly file: Buffer;
  /** Why it cannot be scored; found while looking for files. */
  readonly problem?: InputProblem;
}

export interface InputProblem {
  readonly code: 'NOT_FOUND' | 'UNREADABLE';
  readonly message: string;
}

/** What identifies an input in rows. */
export function inputText({ root, path }: Input): PathText & { readonly root: string } {
  return { root, ...pathText(path) };
}

/** Joins bytes of paths: names need not be text. */
export function joinPath(folder: Uint8Array, name: Uint8Array): Buffer {
  if (folder.length === 0) return Buffer.from(name);
  const slash = folder.at(-1) === 0x2f ? '' : '/';
  return Buffer.concat([folder, Buffer.from(slash), name]);
}
