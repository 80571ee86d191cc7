import { make } from '../base/dom.js';
import { plural, score } from '../base/format.js';
import { classColour, download, framed, line, addressOf } from './parts.js';

/** Boxes over the picture: object-detection. */

/** @typedef {import('./types').Detection} Detection */

/** @type {import('./types').View['draw']} */
export function draw({ picture, result: { detections = [], image } }) {
  const layer = make('div.layer', { attributes: { 'aria-hidden': 'true' } });
  const stage = image
    ? framed({ ...picture, url: addressOf(image), width: image.width, height: image.height })
    : framed(picture, layer);
  const { width, height } = picture;
  /** @type {Map<Detection, HTMLElement>} */
  const boxes = new Map();
  // The best on top.
  if (!image && width !== undefined && height !== undefined) {
    for (const one of [...detections].reverse()) {
      const box = boxOf(one, width, height);
      boxes.set(one, box);
      layer.append(box);
    }
  }
  const list = make('ol.findings');
  for (const one of detections) {
    const item = line(one.label, score(one.score), one.score, { colour: classColour(one.index) });
    const lit = (/** @type {boolean} */ on) => {
      layer.classList.toggle('dimmed', on);
      boxes.get(one)?.classList.toggle('lit', on);
    };
    item.addEventListener('pointerenter', () => lit(true));
    item.addEventListener('pointerleave', () => lit(false));
    list.append(item);
  }
  const side = make('div');
  if (detections.length === 0) side.append(make('p.muted', {}, 'Nothing was found.'));
  else side.append(make('p.muted', {}, describe({ detections })), list);
  if (image) side.append(download(image, picture.name));
  return { stage, side };
}

/**
 * @param {Detection} detection
 * @param {number} width of the picture
 * @param {number} height
 */
function boxOf({ label, index, score: value, box }, width, height) {
  const share = (/** @type {number} */ part, /** @type {number} */ of) => `${(100 * part) / of}%`;
  const name = make('span.tag', {}, `${label} ${score(value)}`);
  const element = make('div.box', {}, name);
  element.style.setProperty('--colour', classColour(index));
  element.style.insetInlineStart = share(box.xmin, width);
  element.style.insetBlockStart = share(box.ymin, height);
  element.style.inlineSize = share(box.xmax - box.xmin, width);
  element.style.blockSize = share(box.ymax - box.ymin, height);
  // A name above the picture would be cut off.
  element.classList.toggle('inside', box.ymin / height < 0.08);
  return element;
}

/** @type {import('./types').View['describe']} */
export function describe({ detections = [] }) {
  if (detections.length === 0) return 'nothing found';
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { label } of detections) counts.set(label, (counts.get(label) ?? 0) + 1);
  const parts = [...counts].slice(0, 3).map(([label, count]) => `${count} × ${label}`);
  const more = counts.size > 3 ? ', …' : '';
  return `${plural(detections.length, 'box').replace(/boxs$/, 'boxes')}: ${parts.join(', ')}${more}`;
}
