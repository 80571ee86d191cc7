import { make } from '../base/dom.js';
import { addressOf, download, framed } from './parts.js';

/** Whatever it is: of tasks that name no view of their own. */

/** @type {import('./types').View['draw']} */
export function draw({ picture, result }) {
  const { image, ...data } = result;
  const text = JSON.stringify(data, null, 2);
  const side = make('div', {}, make('pre.json', { tabIndex: 0 }, text));
  if (image === undefined) return { side };
  side.append(download(image, picture.name));
  const shown = { ...picture, url: addressOf(image), width: image.width, height: image.height };
  return { stage: framed(shown), side };
}

/** @type {import('./types').View['describe']} */
export function describe(result) {
  const text = JSON.stringify(result);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
