import { make } from '../base/dom.js';
import { number } from '../base/format.js';
import { addressOf, download, fitFrame } from './parts.js';

/** A picture before and after: image-to-image. */

/** @type {import('./types').View['draw']} */
export function draw({ picture, result: { image } }) {
  if (image === undefined)
    return { side: make('p.muted', {}, 'There is no picture in the answer.') };
  const after = make('img', { src: addressOf(image), alt: `${picture.name}, after` });
  const frame = make('div.compare', {}, after);
  const widest = Math.max(3 * image.width, picture.width ?? 0);
  fitFrame(frame, image.width, image.height, widest);
  if (picture.width !== undefined) addBefore(frame, picture);
  return { stage: frame, side: facts(picture, image) };
}

/**
 * @param {HTMLElement} frame
 * @param {import('./types').Picture} picture
 */
function addBefore(frame, picture) {
  const before = make('img.before', { src: picture.url, alt: `${picture.name}, before` });
  const divider = make('span.divider', { attributes: { 'aria-hidden': 'true' } });
  const slider = make('input', {
    type: 'range',
    min: '0',
    max: '100',
    value: '50',
    attributes: { 'aria-label': 'Share of the picture shown as before, in per cent' },
  });
  const move = () => {
    before.style.clipPath = `inset(0 ${100 - Number(slider.value)}% 0 0)`;
    divider.style.insetInlineStart = `${slider.value}%`;
  };
  slider.addEventListener('input', move);
  move();
  frame.append(
    before,
    divider,
    make('span.corner', {}, 'Before'),
    make('span.corner.right', {}, 'After'),
    slider,
  );
}

/**
 * @param {import('./types').Picture} picture
 * @param {import('./types').PictureInJson} image
 */
function facts({ name, width, height }, image) {
  const list = make('dl.facts');
  if (width !== undefined && height !== undefined) {
    list.append(
      make('dt', {}, 'Before'),
      make('dd', {}, `${number(width)} × ${number(height)} pixels`),
    );
  }
  list.append(
    make('dt', {}, 'After'),
    make('dd', {}, `${number(image.width)} × ${number(image.height)} pixels`),
  );
  return make('div', {}, list, download(image, name));
}

/** @type {import('./types').View['describe']} */
export function describe({ image }) {
  return image === undefined ? 'no picture' : `${number(image.width)} × ${number(image.height)}`;
}
