import { make } from '../base/dom.js';
import { milliseconds } from '../base/format.js';

/** Where the time of a request went: stages of the server, and what was between it and the browser. */

/** @typedef {import('./types').Times} Times */

/** What stages are called here. */
const NAMES = /** @type {const} */ ({
  preprocess: 'Decode',
  queue: 'Queue',
  infer: 'Model',
  postprocess: 'Answer',
});

/**
 * @param {string | null} header Server-Timing
 * @param {number} total milliseconds
 * @returns {Times}
 */
export function timesOf(header, total) {
  const stages = (header ?? '').split(',').flatMap((part) => {
    const [, stage, ms] = /^\s*([\w-]+)\s*;.*\bdur=([\d.]+)/.exec(part) ?? [];
    return stage === undefined ? [] : [/** @type {const} */ ([stage, Number(ms)])];
  });
  return { stages, total };
}

/**
 * @param {HTMLElement} place
 * @param {Times} times
 */
export function showTimings(place, { stages, total }) {
  const inside = stages.reduce((sum, [, ms]) => sum + ms, 0);
  const parts = [
    ...stages.map(([stage, ms]) => ({
      kind: stage,
      name: NAMES[/** @type {keyof typeof NAMES} */ (stage)] ?? stage,
      ms,
    })),
    { kind: 'network', name: 'Transfer', ms: Math.max(0, total - inside) },
  ];
  const all = parts.reduce((sum, { ms }) => sum + ms, 0) || 1;
  const bar = make('div.stages', { attributes: { 'aria-hidden': 'true' } });
  const list = make('ul.stage-list');
  for (const { kind, name, ms } of parts) {
    const part = make('span', { dataset: { kind }, title: `${name}: ${milliseconds(ms)}` });
    part.style.flexGrow = String(ms / all);
    bar.append(part);
    const swatch = make('span.swatch', { dataset: { kind } });
    list.append(make('li', {}, swatch, `${name} `, make('b', {}, milliseconds(ms))));
  }
  const title = make('h3', {}, 'Time ', make('b', {}, milliseconds(total)));
  place.replaceChildren(title, bar, list);
  place.hidden = false;
}
