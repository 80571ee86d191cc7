import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { PageData } from './page-data';

const WEB = path.join(__dirname, '../../../../web/report');
/** In the order in which they run: each adds to `report`, main.js starts. */
const SCRIPTS = [
  'data.js',
  'query.js',
  'dom.js',
  'grid.js',
  'findings.js',
  'detail.js',
  'tables.js',
  'main.js',
];
/** Thumbnails in one data block: the page parses a block when it first shows one of them. */
export const THUMBNAILS_PER_BLOCK = 64;

/**
 * The page in pieces, so that it is never whole in memory. Nothing in it can be loaded from
 * elsewhere: the policy allows this script, this style, and pictures in the page or beside it.
 */
export async function* renderPage(
  data: PageData,
  thumbnails: readonly Buffer[],
): AsyncGenerator<string> {
  const read = (name: string): Promise<string> => readFile(path.join(WEB, name), 'utf8');
  const [template, style, ...scripts] = await Promise.all(
    ['page.html', 'style.css', ...SCRIPTS].map(read),
  );
  const script = scripts.join('\n');
  const pictures = data.folder === null ? 'data:' : "data: 'self' file:";
  const policy = [
    "default-src 'none'",
    `script-src '${sha256(script)}'`,
    `style-src '${sha256(style ?? '')}'`,
    `img-src ${pictures}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
  const [head = '', middle = '', tail = ''] = (template ?? '')
    .replace('{{policy}}', () => policy)
    .replace('{{style}}', () => `<style>${style ?? ''}</style>`)
    .split(/\{\{data\}\}|\{\{script\}\}/);

  yield head;
  yield `<script type="application/json" id="data">${jsonForScript(data)}</script>\n`;
  for (let at = 0; at < thumbnails.length; at += THUMBNAILS_PER_BLOCK) {
    const block = thumbnails.slice(at, at + THUMBNAILS_PER_BLOCK);
    const json = jsonForScript(block.map((bytes) => bytes.toString('base64')));
    yield `<script type="application/json" class="thumbnails">${json}</script>\n`;
  }
  yield middle;
  yield `<script>${script}</script>`;
  yield tail;
}

/** JSON that cannot end the script element it stands in, whatever its strings hold. */
function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function sha256(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
