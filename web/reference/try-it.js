import { Problem, send } from '../base/api.js';
import { make } from '../base/dom.js';
import { milliseconds, size } from '../base/format.js';

/** Sends a request that was put together from fields, and shows what comes back. */

/** @typedef {import('./types').Place} Place */
/** @typedef {import('./types').Media} Media */

/** The document has ranges of types, and a request has a type. @type {Readonly<Record<string, string>>} */
const SENT_AS = { 'application/*': 'application/json', 'image/*': 'application/octet-stream' };
/** Characters of an answer that are shown. */
const MOST_SHOWN = 20_000;

/**
 * @param {Place} place
 * @param {import('./types').OpenApi} document
 */
export function tryForm({ method, path, operation }, document) {
  const fields = (operation.parameters ?? []).map((parameter) => ({
    parameter,
    field: fieldOf(operation.operationId, parameter),
  }));
  const body = operation.requestBody && bodyFields(operation, document);
  const button = make('button.primary.send', { type: 'submit' }, 'Send');
  const answer = make('div.answer', { attributes: { 'aria-live': 'polite' } });
  const form = make('form.try', { autocomplete: 'off' });
  form.append(
    ...fields.map(({ parameter, field }) => rowOf(parameter, field)),
    ...(body ? [body.element] : []),
    make('p.row', {}, button),
    answer,
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    button.disabled = true;
    answer.replaceChildren(make('p.muted', {}, 'Waiting for the answer…'));
    const values = (/** @type {string} */ kind) =>
      fields.filter(({ parameter, field }) => parameter.in === kind && field.value !== '');
    const filled = values('path').reduce(
      (at, { parameter, field }) =>
        at.replace(`{${parameter.name}}`, encodeURIComponent(field.value)),
      path,
    );
    const query = new URLSearchParams(
      values('query').map(({ parameter, field }) => [parameter.name, field.value]),
    ).toString();
    const headers = Object.fromEntries(
      values('header').map(({ parameter, field }) => [parameter.name, field.value]),
    );
    const started = performance.now();
    try {
      const sent = body?.read();
      const result = await send({
        method: method.toUpperCase(),
        path: `${filled.slice(1)}${query === '' ? '' : `?${query}`}`,
        body: sent?.body,
        headers: { ...headers, ...sent?.headers },
      });
      await showAnswer(answer, result, performance.now() - started);
    } catch (error) {
      const text = error instanceof Problem ? error.message : String(error);
      answer.replaceChildren(make('p.bad', {}, text));
    } finally {
      button.disabled = false;
    }
  });
  return form;
}

/**
 * @param {string} operation
 * @param {import('./types').Parameter} parameter
 */
function fieldOf(operation, { name, in: kind, required, schema, example }) {
  const id = `${operation}-${name}`;
  const values = schema.enum ?? (schema.type === 'boolean' ? ['true', 'false'] : undefined);
  if (values !== undefined && !required) {
    const options = ['', ...values.map(String)].map((value) =>
      make('option', { value }, value || '–'),
    );
    return make('select', { id }, ...options);
  }
  const field = make('input', { id, type: 'text', required: required === true });
  if (name === 'name' && kind === 'path') field.setAttribute('list', 'model-names');
  if (required) field.value = String(example ?? schema.example ?? '');
  return field;
}

/**
 * @param {import('./types').Parameter} parameter
 * @param {HTMLElement} field
 */
function rowOf({ name, in: kind, required, description = '', schema }, field) {
  const label = make('label', { htmlFor: field.id }, make('code', {}, name));
  const where = `${kind}${required ? '' : ', optional'}`;
  const about = description || schema.description || '';
  return make(
    'div.parameter',
    {},
    label,
    field,
    make('small', {}, about === '' ? where : `${about} (${where})`),
  );
}

/**
 * @param {import('./types').Operation} operation
 * @param {import('./types').OpenApi} document
 */
function bodyFields({ operationId, requestBody }, document) {
  const content = requestBody?.content ?? {};
  const types = Object.keys(content);
  const id = `${operationId}-body`;
  const choice = make('select.type', { id: `${id}-type` });
  choice.append(
    ...types.map((type) =>
      make(
        'option',
        { value: type },
        SENT_AS[type] === undefined ? type : `${type}, sent as ${SENT_AS[type]}`,
      ),
    ),
  );
  const file = make('input.file', { id: `${id}-file`, type: 'file', multiple: true });
  const text = make('textarea.text', { id: `${id}-text`, rows: 7, spellcheck: false });
  file.setAttribute('aria-label', 'Files of the body');
  text.setAttribute('aria-label', 'Text of the body');
  const isText = () => /json|text|application\/\*/.test(choice.value);
  const show = () => {
    text.hidden = !isText();
    file.hidden = isText();
    file.multiple = choice.value === 'multipart/form-data';
    if (isText()) text.value = exampleText(content[choice.value], document);
  };
  choice.addEventListener('change', show);
  show();
  const element = make(
    'div.parameter.body',
    {},
    make('label', { htmlFor: choice.id }, 'Body'),
    choice,
    requestBody?.description === undefined ? null : make('small', {}, requestBody.description),
    file,
    text,
  );
  /** @returns {{ body: XMLHttpRequestBodyInit | undefined, headers?: Record<string, string> }} */
  const read = () => {
    const type = choice.value;
    const files = [...(file.files ?? [])];
    if (isText()) return { body: text.value, headers: { 'Content-Type': SENT_AS[type] ?? type } };
    if (type !== 'multipart/form-data') {
      return { body: files[0], headers: { 'Content-Type': SENT_AS[type] ?? type } };
    }
    const form = new FormData();
    for (const one of files) form.append('image', one, one.name);
    return { body: form };
  };
  return { element, read };
}

/**
 * @param {Media | undefined} media
 * @param {import('./types').OpenApi} document
 */
function exampleText(media, document) {
  const [first] = Object.values(media?.examples ?? {});
  const referred = first?.$ref?.split('/').at(-1);
  const named = referred === undefined ? first : document.components.examples?.[referred];
  const value = media?.example ?? named?.value;
  return value === undefined ? '' : JSON.stringify(value, null, 2);
}

/**
 * @param {HTMLElement} place
 * @param {import('../base/api.js').Answer} answer
 * @param {number} ms
 */
async function showAnswer(place, { status, text, blob, header }, ms) {
  const line = make('p.row', {});
  line.append(
    make(`strong.status.${status < 400 ? 'good' : 'bad'}`, {}, String(status)),
    make('span.muted', {}, `${milliseconds(ms)} · ${size(blob.size)} · ${blob.type || 'no type'}`),
  );
  const timing = header('Server-Timing');
  if (timing !== null) line.append(make('code', {}, timing));
  place.replaceChildren(line);
  if (blob.type.startsWith('image/')) {
    place.append(
      make('img', { src: URL.createObjectURL(blob), alt: 'The picture that was answered' }),
    );
    return;
  }
  const shown = prettyText(text, blob.type);
  const cut = shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}\n…` : shown;
  if (cut !== '') place.append(make('pre', { tabIndex: 0 }, cut));
}

/** @param {string} text @param {string} type */
function prettyText(text, type) {
  if (!type.includes('json')) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
