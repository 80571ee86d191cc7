import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The folder of the repository. */
export const ROOT = path.resolve(__dirname, '../..');

/** A document, by its path from the root. */
export function readDocument(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

/** Cells of every table row of a document whose first cell is code, without their formatting. */
export function codeRows(document: string): string[][] {
  return document
    .split('\n')
    .filter((line) => /^\| `/.test(line))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
}

/** The value inside a cell of inline code. */
export function uncode(cell: string | undefined): string {
  return (cell ?? '').replace(/^`|`$/g, '');
}

/** A document without its code blocks. */
export function withoutCode(document: string): string {
  return document.replace(/^```[\s\S]*?^```$/gm, '');
}

/** Contents of the code blocks of one language. */
export function codeBlocks(document: string, language: string): string[] {
  return [...document.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , content = '']) => content);
}
