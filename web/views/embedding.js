import { bytesOf } from '../base/base64.js';
import { make, shape } from '../base/dom.js';
import { plural } from '../base/format.js';
import { line } from './parts.js';

/** A vector, and how alike it is to those of other pictures: image-feature-extraction. */

/** Bars in the drawing of a vector; longer ones are averaged. */
const BARS = 96;

/** @type {import('./types').View['draw']} */
export function draw({ result, others }) {
  const vector = vectorOf(result);
  const compared = others
    .map(({ picture, result: other }) => ({ picture, value: cosine(vector, vectorOf(other)) }))
    .filter(({ value }) => value !== undefined)
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const side = make(
    'div',
    {},
    make('p', {}, `${describe(result)}, length ${lengthOf(vector).toPrecision(4)}`),
    drawing(vector),
    make('h3', {}, 'How alike'),
  );
  if (compared.length === 0) {
    side.append(
      make('p.muted', {}, 'Send another picture, or several at once, to see how alike they are.'),
    );
    return { side };
  }
  const items = compared.map(({ picture, value = 0 }) => {
    const item = line(picture.name, value.toFixed(3), value);
    item.prepend(make('img.mini', { src: picture.url, alt: '' }));
    return item;
  });
  side.append(
    make('p.muted', {}, 'Cosine of the angle between the vectors: 1 for the same direction.'),
    make('ol.findings.alike', {}, ...items),
  );
  return { side };
}

/** @param {import('./types').Result} result */
function vectorOf({ embedding = [] }) {
  return typeof embedding === 'string'
    ? new Float32Array(bytesOf(embedding).buffer)
    : Float32Array.from(embedding);
}

/** @param {Float32Array} vector */
function lengthOf(vector) {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

/**
 * @param {Float32Array} a
 * @param {Float32Array} b
 * @returns {number | undefined} undefined where they cannot be compared
 */
function cosine(a, b) {
  const lengths = lengthOf(a) * lengthOf(b);
  if (a.length !== b.length || lengths === 0) return undefined;
  const product = a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
  return Math.min(1, Math.max(-1, product / lengths));
}

/** @param {Float32Array} vector */
function drawing(vector) {
  const bars = Math.min(BARS, vector.length);
  const means = Array.from({ length: bars }, (_, at) => {
    const from = Math.floor((at * vector.length) / bars);
    const part = vector.subarray(from, Math.floor(((at + 1) * vector.length) / bars));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const most = Math.max(1e-12, ...means.map(Math.abs));
  const rects = means.map((value, at) => {
    const height = (46 * Math.abs(value)) / most;
    return shape('rect', { x: at + 0.1, width: 0.8, y: value < 0 ? 50 : 50 - height, height });
  });
  return shape(
    'svg',
    {
      class: 'vector',
      viewBox: `0 0 ${bars} 100`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    ...rects,
  );
}

/** @type {import('./types').View['describe']} */
export function describe(result) {
  return plural(vectorOf(result).length, 'number');
}
