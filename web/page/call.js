import { make } from '../base/dom.js';

/** A request as it is written in a shell, in TypeScript and in Python. */

/** @typedef {import('./types').Call} Call */

/** Where programs find the key. */
const KEY_VARIABLE = 'TFJS_SERVING_API_KEY';

/** @param {Call} call */
function urlOf({ server, path, query }) {
  const parts = new URLSearchParams(query).toString();
  return `${server}/${path}${parts === '' ? '' : `?${parts}`}`;
}

/** @param {string} text for a shell */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {string} file name */
function fileArgument(file) {
  if (/^[\w.-]+$/.test(file)) return `image=@${file}`;
  // Quotes of curl's own keep a comma or a semicolon from being read as the end of the name.
  return quoted(`image=@"${file.replace(/["\\]/g, '\\$&')}"`);
}

/** @param {Call} call */
export function asCurl(call) {
  const { files, saveAs, needsKey } = call;
  const [first = '', ...others] = files.map((file) => `-F ${fileArgument(file)}`);
  const parts = [
    `curl ${first}`,
    ...others,
    ...(needsKey ? [`-H "Authorization: Bearer $${KEY_VARIABLE}"`] : []),
    ...(saveAs === undefined ? [] : [`-o ${quoted(saveAs)}`]),
    quoted(urlOf(call)),
  ];
  return parts.join(' \\\n  ');
}

/** @param {Call} call */
export function asTypeScript(call) {
  const { files, saveAs, needsKey } = call;
  const text = JSON.stringify;
  const head = needsKey
    ? `\n  headers: { Authorization: \`Bearer \${process.env.${KEY_VARIABLE}}\` },`
    : '';
  const rest =
    saveAs === undefined
      ? ['const { results } = await response.json();', 'console.log(results);']
      : [`await writeFile(${text(saveAs)}, Buffer.from(await response.arrayBuffer()));`];
  return [
    `import { openAsBlob } from 'node:fs';`,
    ...(saveAs === undefined ? [] : [`import { writeFile } from 'node:fs/promises';`]),
    '',
    'const body = new FormData();',
    ...files.map((file) => `body.append('image', await openAsBlob(${text(file)}), ${text(file)});`),
    `const response = await fetch(${text(urlOf(call))}, {`,
    `  method: 'POST',${head}`,
    '  body,',
    '});',
    'if (!response.ok) throw new Error(await response.text());',
    ...rest,
  ].join('\n');
}

/** @param {Call} call */
export function asPython(call) {
  const { files, saveAs, needsKey, query } = call;
  const text = JSON.stringify;
  const parameters = Object.entries(query).map(([name, value]) => `${text(name)}: ${text(value)}`);
  const rest =
    saveAs === undefined
      ? ['print(response.json()["results"])']
      : [`open(${text(saveAs)}, "wb").write(response.content)`];
  return [
    ...(needsKey ? ['import os', ''] : []),
    'import requests',
    '',
    `files = [`,
    ...files.map((file) => `    ("image", open(${text(file)}, "rb")),`),
    ']',
    'response = requests.post(',
    `    ${text(urlOf({ ...call, query: {} }))},`,
    ...(parameters.length === 0 ? [] : [`    params={${parameters.join(', ')}},`]),
    ...(needsKey
      ? [`    headers={"Authorization": f"Bearer {os.environ['${KEY_VARIABLE}']}"},`]
      : []),
    '    files=files,',
    ')',
    'response.raise_for_status()',
    ...rest,
  ].join('\n');
}

const LANGUAGES = /** @type {const} */ ([
  ['curl', asCurl],
  ['TypeScript', asTypeScript],
  ['Python', asPython],
]);

let language = 0;

/**
 * @param {HTMLElement} place
 * @param {Call} call
 */
export function showCall(place, call) {
  showTabs(
    place,
    LANGUAGES.map(([name, write]) => [name, write(call)]),
  );
}

/**
 * Texts to copy, one of which is shown.
 * @param {HTMLElement} place
 * @param {readonly (readonly [name: string, text: string])[]} texts
 */
export function showTabs(place, texts) {
  const code = make('pre.code', { tabIndex: 0, id: `${place.id}-text` });
  const copy = make('button.copy', { type: 'button' }, 'Copy');
  const tabs = texts.map(([name], at) => {
    const tab = make('button', { type: 'button', textContent: name });
    tab.setAttribute('role', 'tab');
    tab.setAttribute('aria-controls', code.id);
    tab.addEventListener('click', () => select(at));
    tab.addEventListener('keydown', ({ key }) => {
      const by = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
      if (by !== 0) select((at + by + texts.length) % texts.length, true);
    });
    return tab;
  });
  const select = (/** @type {number} */ at, focus = false) => {
    language = at;
    tabs.forEach((tab, place) => {
      tab.setAttribute('aria-selected', String(place === at));
      tab.tabIndex = place === at ? 0 : -1;
    });
    code.textContent = texts[at]?.[1] ?? '';
    code.setAttribute('aria-label', `The request in ${texts[at]?.[0] ?? ''}`);
    if (focus) tabs[at]?.focus();
  };
  copy.addEventListener('click', () => void copyText(code, copy));
  const list = make('div.tabs', { attributes: { role: 'tablist', 'aria-label': 'Language' } });
  list.append(...tabs);
  code.setAttribute('role', 'tabpanel');
  select(Math.min(language, texts.length - 1));
  place.replaceChildren(list, make('div.copyable', {}, code, copy));
}

/**
 * @param {HTMLElement} code
 * @param {HTMLElement} button
 */
async function copyText(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent ?? '');
    button.textContent = 'Copied';
  } catch {
    // Pages that did not come by HTTPS, or from this machine, may not write to the clipboard: it is
    // selected for the user to copy.
    getSelection()?.selectAllChildren(code);
    button.textContent = 'Press Ctrl+C';
  }
  setTimeout(() => (button.textContent = 'Copy'), 2000);
}
