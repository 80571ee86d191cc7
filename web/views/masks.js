import { blobOf } from '../base/base64.js';
import { make } from '../base/dom.js';
import { number, percent, plural } from '../base/format.js';
import { addressOf, classColour, download, framed } from './parts.js';

/** Masks over the picture, with a legend: image-segmentation. */

/** @typedef {import('./types').Segment} Segment */

/** Pixels of the longer side of what is drawn: enough for a screen, whatever the photo has. */
const LONGEST = 1200;

/** @type {import('./types').View['draw']} */
export async function draw({ picture, result }) {
  const { segments = [], width = 1, height = 1, image } = result;
  const side = make('div');
  if (segments.length === 0) side.append(make('p.muted', {}, 'Nothing was found.'));
  if (image) {
    const shown = { ...picture, url: addressOf(image), width: image.width, height: image.height };
    side.append(legend(segments, width * height), download(image, picture.name));
    return { stage: framed(shown), side };
  }
  const canvas = make('canvas.layer', { attributes: { 'aria-hidden': 'true' } });
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const masks = await Promise.all(segments.map((one) => colouredMask(one, canvas)));
  /** @type {Set<number>} */
  const hidden = new Set();
  const paint = () => {
    const context = canvas.getContext('2d');
    context?.clearRect(0, 0, canvas.width, canvas.height);
    masks.forEach((mask, at) => {
      if (mask && !hidden.has(at)) context?.drawImage(mask, 0, 0);
    });
  };
  paint();
  side.append(
    opacitySlider(canvas),
    legend(segments, width * height, (at, shown) => {
      if (shown) hidden.delete(at);
      else hidden.add(at);
      paint();
    }),
  );
  return { stage: framed(picture, canvas), side };
}

/**
 * The white of a mask becomes the colour of its class, and the black clear.
 * @param {Segment} segment
 * @param {HTMLCanvasElement} target whose size it takes
 */
async function colouredMask({ mask, index }, { width, height }) {
  if (mask === undefined) return null;
  const bitmap = await createImageBitmap(blobOf(mask));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context === null) return null;
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const pixels = context.getImageData(0, 0, width, height);
  for (let at = 0; at < pixels.data.length; at += 4) pixels.data[at + 3] = pixels.data[at] ?? 0;
  context.putImageData(pixels, 0, 0);
  context.globalCompositeOperation = 'source-in';
  context.fillStyle = classColour(index);
  context.fillRect(0, 0, width, height);
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
function opacitySlider(canvas) {
  const slider = make('input', { type: 'range', min: '0', max: '100', value: '55' });
  const show = () => {
    canvas.style.opacity = `${Number(slider.value) / 100}`;
  };
  slider.addEventListener('input', show);
  show();
  return make('label.field', {}, make('span', {}, 'Opacity of the masks'), slider);
}

/**
 * @param {readonly Segment[]} segments
 * @param {number} pixels of the picture
 * @param {(at: number, shown: boolean) => void} [toggle] where masks can be hidden
 */
function legend(segments, pixels, toggle) {
  const items = segments.map(({ label, index, area, score }, at) => {
    const swatch = make('span.swatch');
    swatch.style.background = classColour(index);
    const name = make('span.label', {}, swatch, label || 'Without a name');
    const sure = score === undefined ? '' : ` · ${percent(score)} sure`;
    const share = make('span.score', { title: plural(area, 'pixel') }, percent(area / pixels));
    const more = make('small', {}, `${number(area)} pixels${sure}`);
    if (toggle === undefined) return make('li', {}, name, share, more);
    const box = make('input', { type: 'checkbox', checked: true });
    box.addEventListener('change', () => toggle(at, box.checked));
    return make('li', {}, make('label.toggle', {}, box, name), share, more);
  });
  return make('ul.findings.legend', {}, ...items);
}

/** @type {import('./types').View['describe']} */
export function describe({ segments = [] }) {
  if (segments.length === 0) return 'nothing found';
  const names = segments.slice(0, 3).map(({ label }) => label);
  return `${names.join(', ')}${segments.length > 3 ? ', …' : ''}`;
}
