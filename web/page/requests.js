import { apiKey, send, successOf } from '../base/api.js';
import { controlsOf, photoField } from './inputs.js';
import { timesOf } from './timings.js';

/** What is sent to a model, and the same as others would write it. */

/** @typedef {import('./types').ModelDetails} ModelDetails */
/** @typedef {import('./types').Values} Values */
/** @typedef {import('../views/types').Picture} Picture */

/** @param {ModelDetails} model */
const pathOf = ({ name, servable }) =>
  `models/${encodeURIComponent(name)}/${servable?.request?.verb ?? 'predict'}`;

/**
 * What was filled in, by where it is sent.
 * @param {ModelDetails} model
 * @param {Values} values
 */
function partsOf({ servable }, values) {
  const controls = controlsOf(servable);
  const all = Object.entries(values).filter(([name]) => controls[name] !== undefined);
  /** @type {Record<string, string>} */
  const query = {};
  /** @type {Record<string, string>} */
  const fields = {};
  /** @type {[string, File][]} */
  const files = [];
  for (const [name, value] of all) {
    if (value instanceof File) files.push([name, value]);
    else if (controls[name]?.place === 'field') fields[name] = value;
    else query[name] = value;
  }
  return { query, fields, files };
}

/**
 * All pictures in one request, answered as JSON: pictures that come back are in it.
 * @param {object} options
 * @param {ModelDetails} options.model
 * @param {readonly Picture[]} options.pictures
 * @param {Values} options.values
 * @param {AbortSignal} options.signal
 * @param {(sent: number, total: number) => void} options.onProgress
 * @returns {Promise<{ readonly results: readonly any[], readonly times: import('./types').Times }>}
 * @throws {import('../base/api.js').Problem}
 */
export async function sendRequest({ model, pictures, values, signal, onProgress }) {
  const { query, fields, files } = partsOf(model, values);
  const field = photoField(model.servable);
  const body = new FormData();
  if (field !== undefined) for (const { file, name } of pictures) body.append(field, file, name);
  for (const [name, file] of files) body.append(name, file, file.name);
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  const parts = new URLSearchParams(query).toString();
  const started = performance.now();
  const answer = await send({
    method: 'POST',
    path: `${pathOf(model)}${parts === '' ? '' : `?${parts}`}`,
    // A form without a field is not a form.
    body: [...body.keys()].length > 0 ? body : undefined,
    headers: { Accept: 'application/json' },
    signal,
    onProgress,
  });
  const total = performance.now() - started;
  const { results } = successOf(answer);
  return { results, times: timesOf(answer.header('Server-Timing'), total) };
}

/**
 * @param {ModelDetails} model
 * @param {readonly string[]} names of the photos
 * @param {Values} values
 * @returns {import('./types').Call}
 */
export function callOf(model, names, values) {
  const { query, fields, files } = partsOf(model, values);
  const field = photoField(model.servable);
  const photos = field === undefined ? [] : names.length > 0 ? names : ['photo.jpg'];
  // Several pictures are answered as JSON.
  const count = field === undefined ? Number(query.n ?? 1) : photos.length;
  const isPicture = model.servable?.request?.pictures === 'always' && count === 1;
  const stem = (photos[0] ?? '').replace(/\.\w+$/, '');
  return {
    server: new URL('.', location.href).href.replace(/\/$/, ''),
    path: pathOf(model),
    query,
    fields,
    files: [
      ...photos.map((name) => /** @type {const} */ ([field ?? '', name])),
      ...files.map(([name, file]) => /** @type {const} */ ([name, file.name])),
    ],
    saveAs: isPicture
      ? `${stem === '' ? '' : `${stem}-`}${model.name}.${query.format ?? 'png'}`
      : undefined,
    needsKey: apiKey.get() !== '',
  };
}
