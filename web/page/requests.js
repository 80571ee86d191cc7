import { apiKey, send, successOf } from '../base/api.js';
import { timesOf } from './timings.js';

/** What is sent to a model, and the same as others would write it. */

/** @typedef {import('./types').ModelDetails} ModelDetails */
/** @typedef {import('../views/types').Picture} Picture */

/**
 * @param {string} name of the model
 * @param {string} verb
 */
const pathOf = (name, verb) => `models/${encodeURIComponent(name)}/${verb}`;

/**
 * All pictures in one request, answered as JSON: pictures that come back are in it.
 * @param {object} options
 * @param {string} options.model
 * @param {string} options.verb
 * @param {readonly Picture[]} options.pictures
 * @param {Readonly<Record<string, string>>} options.query
 * @param {AbortSignal} options.signal
 * @param {(sent: number, total: number) => void} options.onProgress
 * @returns {Promise<{ readonly results: readonly any[], readonly times: import('./types').Times }>}
 * @throws {import('../base/api.js').Problem}
 */
export async function sendPictures({ model, verb, pictures, query, signal, onProgress }) {
  const body = new FormData();
  for (const { file, name } of pictures) body.append('image', file, name);
  const parts = new URLSearchParams(query).toString();
  const started = performance.now();
  const answer = await send({
    method: 'POST',
    path: `${pathOf(model, verb)}${parts === '' ? '' : `?${parts}`}`,
    body,
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
 * @param {readonly string[]} names of the files
 * @param {Readonly<Record<string, string>>} query
 * @returns {import('./types').Call}
 */
export function callOf({ name, servable }, names, query) {
  const files = names.length > 0 ? names : ['photo.jpg'];
  const { verb = 'predict', pictures } = servable?.request ?? {};
  // Several pictures are answered as JSON.
  const isPicture = pictures === 'always' && files.length === 1;
  const stem = (files[0] ?? '').replace(/\.\w+$/, '');
  return {
    server: new URL('.', location.href).href.replace(/\/$/, ''),
    path: pathOf(name, verb),
    query,
    files,
    saveAs: isPicture ? `${stem}-${name}.${query.format ?? 'png'}` : undefined,
    needsKey: apiKey.get() !== '',
  };
}
