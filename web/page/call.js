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

/** @param {readonly [field: string, file: string]} file */
function fileArgument([field, file]) {
  if (/^[\w.-]+$/.test(file)) return `-F ${field}=@${file}`;
  // Quotes of curl's own keep a comma or a semicolon from being read as the end of the name.
  return `-F ${quoted(`${field}=@"${file.replace(/["\\]/g, '\\$&')}"`)}`;
}

/** @param {Call} call */
function asCurl(call) {
  const { files, fields, saveAs, needsKey } = call;
  const form = [
    ...files.map(fileArgument),
    ...Object.entries(fields).map(([name, text]) => `--form-string ${quoted(`${name}=${text}`)}`),
  ];
  const parts = [
    ...(form.length === 0 ? ['-X POST'] : form),
    ...(needsKey ? [`-H "Authorization: Bearer $${KEY_VARIABLE}"`] : []),
    ...(saveAs === undefined ? [] : [`-o ${quoted(saveAs)}`]),
    quoted(urlOf(call)),
  ];
  return `curl ${parts.join(' \\\n  ')}`;
}

/** @param {Call} call */
function asTypeScript(call) {
  const { files, fields, saveAs, needsKey } = call;
  const text = JSON.stringify;
  const isForm = files.length > 0 || Object.keys(fields).length > 0;
  const rest =
    saveAs === undefined
      ? ['const { results } = await response.json();', 'console.log(results);']
      : [`await writeFile(${text(saveAs)}, Buffer.from(await response.arrayBuffer()));`];
  const imports = [
    ...(files.length === 0 ? [] : [`import { openAsBlob } from 'node:fs';`]),
    ...(saveAs === undefined ? [] : [`import { writeFile } from 'node:fs/promises';`]),
  ];
  return [
    ...imports,
    ...(imports.length === 0 ? [] : ['']),
    ...(isForm ? ['const body = new FormData();'] : []),
    ...files.map(
      ([field, file]) =>
        `body.append(${text(field)}, await openAsBlob(${text(file)}), ${text(file)});`,
    ),
    ...Object.entries(fields).map(([name, value]) => `body.append(${text(name)}, ${text(value)});`),
    `const response = await fetch(${text(urlOf(call))}, {`,
    `  method: 'POST',`,
    ...(needsKey
      ? [`  headers: { Authorization: \`Bearer \${process.env.${KEY_VARIABLE}}\` },`]
      : []),
    ...(isForm ? ['  body,'] : []),
    '});',
    'if (!response.ok) throw new Error(await response.text());',
    ...rest,
  ].join('\n');
}

/** @param {Call} call */
function asPython(call) {
  const { files, fields, saveAs, needsKey, query } = call;
  const text = JSON.stringify;
  const parameters = Object.entries(query).map(([name, value]) => `${text(name)}: ${text(value)}`);
  const parts = [
    ...files.map(([field, file]) => `    (${text(field)}, open(${text(file)}, "rb")),`),
    // Without a file name it is a text field of the form.
    ...Object.entries(fields).map(
      ([name, value]) => `    (${text(name)}, (None, ${text(value)})),`,
    ),
  ];
  const rest =
    saveAs === undefined
      ? ['print(response.json()["results"])']
      : [`open(${text(saveAs)}, "wb").write(response.content)`];
  return [
    ...(needsKey ? ['import os', ''] : []),
    'import requests',
    '',
    ...(parts.length === 0 ? [] : ['files = [', ...parts, ']']),
    'response = requests.post(',
    `    ${text(urlOf({ ...call, query: {} }))},`,
    ...(parameters.length === 0 ? [] : [`    params={${parameters.join(', ')}},`]),
    ...(needsKey
      ? [`    headers={"Authorization": f"Bearer {os.environ['${KEY_VARIABLE}']}"},`]
      : []),
    ...(parts.length === 0 ? [] : ['    files=files,']),
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
