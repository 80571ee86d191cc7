import { byId } from '../base/dom.js';
import { size } from '../base/format.js';
import { madePicture } from './answer.js';
import { thumbnailOf } from './pictures.js';
import { sendRequest } from './requests.js';

/** One request at a time: a newer one takes the place of what is still under way. */

/** @typedef {import('./types').Entry} Entry */

/** @type {AbortController | undefined} */
let running;

export function cancel() {
  running?.abort();
}

/**
 * @param {import('./types').ModelDetails} model
 * @param {string} view
 * @param {readonly import('../views/types').Picture[]} pictures none for models that take none
 * @param {import('./types').Values} values
 * @returns {Promise<readonly Entry[] | undefined>} undefined where another request has taken its place
 * @throws {import('../base/api.js').Problem} and AbortError where the user cancelled it
 */
export async function run(model, view, pictures, values) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  showProgress(0, 1);
  try {
    const { results, times } = await sendRequest({
      model,
      pictures,
      values,
      signal: mine.signal,
      onProgress: showProgress,
    });
    if (running !== mine) return undefined;
    const common = { model: model.name, view, times };
    if (pictures.length === 0) {
      const thumbnail = madePicture(results);
      return [{ ...common, results, name: wordsOf(values), picture: undefined, thumbnail }];
    }
    return pictures.map((picture, at) => ({
      ...common,
      results: results.slice(at, at + 1),
      name: picture.name,
      picture,
      thumbnail: thumbnailOf(picture),
    }));
  } catch (error) {
    if (running !== mine) return undefined;
    throw error;
  } finally {
    if (running === mine) {
      running = undefined;
      byId('progress').hidden = true;
    }
  }
}

/** @param {number} sent bytes @param {number} total */
function showProgress(sent, total) {
  byId('progress').hidden = false;
  const bar = byId('progress-bar', HTMLProgressElement);
  if (sent < total) {
    bar.value = sent / total;
    byId('progress-text').textContent =
      sent === 0 ? 'Sending…' : `Sending ${size(sent)} of ${size(total)}`;
  } else {
    bar.removeAttribute('value');
    byId('progress-text').textContent = 'The model is at work…';
  }
}

/**
 * What was filled in, as a name for what came of it.
 * @param {import('./types').Values} values
 */
function wordsOf(values) {
  const text = Object.values(values)
    .map((value) => (value instanceof File ? value.name : value))
    .join(', ');
  if (text === '') return 'without parameters';
  return text.length > 50 ? `${text.slice(0, 50)}…` : text;
}
