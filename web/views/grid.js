import { make } from '../base/dom.js';
import { plural } from '../base/format.js';
import { addressOf, download } from './parts.js';

/** Pictures that were made from nothing but words and numbers: image-generation. */

/** @type {import('./types').View['draw']} */
export function draw({ picture, results }) {
  const made = results.flatMap(({ image, seed }) => (image ? [{ image, seed }] : []));
  const stage = make('ul.made', { attributes: { 'aria-label': 'Pictures' } });
  for (const { image, seed } of made) {
    const name = seed === undefined ? picture.name : `seed ${seed}`;
    const shown = make('img', { src: addressOf(image), alt: `${picture.name}, ${name}` });
    // What is smaller than its place is enlarged with its pixels as they are.
    shown.classList.toggle('small', Math.max(image.width, image.height) <= 96);
    const caption = make('span', {}, name);
    const save = download(image, `${picture.name} ${name}`);
    save.setAttribute('aria-label', `Save ${name}`);
    save.textContent = 'Save';
    stage.append(make('li', {}, shown, make('p', {}, caption, save)));
  }
  const [first] = made;
  const size = first === undefined ? '' : ` of ${first.image.width} × ${first.image.height} pixels`;
  return { stage, side: make('p', {}, `${plural(made.length, 'picture')}${size}`) };
}

/** @type {import('./types').View['describe']} */
export function describe({ seed }) {
  return seed === undefined ? 'a picture' : `seed ${seed}`;
}
