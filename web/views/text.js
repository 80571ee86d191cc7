import { make } from '../base/dom.js';
import { plural } from '../base/format.js';
import { framed } from './parts.js';

/** A text that a model wrote: text-generation. */

/** @type {import('./types').View['draw']} */
export function draw({ picture, result: { text = '', seed } }) {
  const written = make('p.written', {}, text);
  const facts = make('p', {}, plural([...text].length, 'character'));
  if (seed !== undefined) facts.append(` · seed ${seed}`);
  // Of a photo, it is beside it; of a text, it is all there is.
  if (picture.width !== undefined) {
    return { stage: framed(picture), side: make('div', {}, written, facts) };
  }
  return { stage: written, side: facts };
}

/** @type {import('./types').View['describe']} */
export function describe({ text = '' }) {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
