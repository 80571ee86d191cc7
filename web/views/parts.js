import { make } from '../base/dom.js';
import { blobOf } from '../base/base64.js';

/** What several views are made of. */

/** A full turn divided by the golden ratio, in degrees: as the server colours classes. */
const GOLDEN_ANGLE = 137.507764;

/** @param {number} index of a class */
export function classColour(index) {
  return `hsl(${(index * GOLDEN_ANGLE + 210) % 360} 100% 44%)`;
}

/** @param {import('./types').Picture} picture */
export function photo({ url, name, width }) {
  return width === undefined
    ? make('p.nothing', {}, 'This browser does not show files of this format.')
    : make('img.photo', { src: url, alt: name });
}

/**
 * A picture with something laid over it, in the picture's own proportions.
 * @param {import('./types').Picture} picture
 * @param {...Element} layers
 */
export function framed(picture, ...layers) {
  const frame = make('div.framed', {}, photo(picture), ...layers);
  const { width, height } = picture;
  if (width !== undefined && height !== undefined) fitFrame(frame, width, height);
  return frame;
}

/**
 * As large as there is room for.
 * @param {HTMLElement} frame
 * @param {number} width
 * @param {number} height
 * @param {number} [widest] pixels that it may have; by default three times its own
 */
export function fitFrame(frame, width, height, widest = 3 * width) {
  frame.style.aspectRatio = `${width} / ${height}`;
  const byHeight = `calc(var(--stage) * ${(width / height).toFixed(4)})`;
  frame.style.inlineSize = `min(100%, ${byHeight}, ${widest}px)`;
}

/**
 * A line of a list: label, value and bar.
 * @param {string} label
 * @param {string} value
 * @param {number} share of the bar, 0 to 1
 * @param {{ readonly colour?: string }} [look]
 */
export function line(label, value, share, { colour } = {}) {
  const fill = make('span.fill');
  fill.style.inlineSize = `${100 * Math.min(1, Math.max(0, share))}%`;
  if (colour !== undefined) fill.style.background = colour;
  const bar = make('span.bar', { attributes: { 'aria-hidden': 'true' } }, fill);
  return make(
    'li',
    {},
    make('span.label', {}, label || 'Without a name'),
    make('span.score', {}, value),
    bar,
  );
}

/** Addresses of blobs by the object they were made of: a result that is shown again has them still. */
/** @type {WeakMap<object, string>} */
const addresses = new WeakMap();

/** @param {{ readonly b64: string, readonly mediaType: string }} file */
export function addressOf(file) {
  const known = addresses.get(file);
  if (known !== undefined) return known;
  const made = URL.createObjectURL(blobOf(file));
  addresses.set(file, made);
  return made;
}

/**
 * A picture that the server answered, and a link that keeps it.
 * @param {import('./types').PictureInJson} image
 * @param {string} name of the picture it was made of
 */
export function download(image, name) {
  const end = image.mediaType.replace('image/', '');
  const stem = name.replace(/\.\w+$/, '');
  return make(
    'a.button',
    { href: addressOf(image), download: `${stem}-${image.width}x${image.height}.${end}` },
    `Save as ${end.toUpperCase()}`,
  );
}
