import { make } from '../base/dom.js';
import { score } from '../base/format.js';
import { line } from './parts.js';

/** Labels with their scores: image-classification. */

/** @type {import('./types').View['draw']} */
export function draw({ result: { predictions = [] } }) {
  const scores = predictions.map((one) => one.score);
  const high = Math.max(1, ...scores);
  const low = Math.min(0, ...scores);
  const lines = predictions.map((one) =>
    line(one.label, score(one.score), (one.score - low) / (high - low)),
  );
  return { side: make('ol.findings', {}, ...lines) };
}

/** @type {import('./types').View['describe']} */
export function describe({ predictions = [] }) {
  const [first] = predictions;
  return first === undefined ? 'nothing' : `${first.label}, ${score(first.score)}`;
}
