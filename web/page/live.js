import { ask, Problem } from '../base/api.js';
import { make, shape } from '../base/dom.js';
import { size } from '../base/format.js';
import { samplesOf, sumOf } from './prometheus.js';

/** What the server does now, from /metrics: asked only while the panel is open and can be seen. */

const EVERY_MS = 2000;
/** Points of a line. */
const KEPT = 60;

/**
 * @typedef {object} Reading
 * @property {number} at milliseconds
 * @property {number} requests
 * @property {number} images
 * @property {number} runs
 * @property {number} waiting
 * @property {number} memory
 * @property {number} ready
 * @property {number} instances
 */

/** @param {string} text @returns {Reading} */
function readingOf(text) {
  const samples = samplesOf(text);
  const sum = (/** @type {string} */ name) => sumOf(samples, `tfjs_serving_${name}`);
  return {
    at: performance.now(),
    // What asks models; the pages themselves are only read.
    requests: sumOf(samples, 'tfjs_serving_http_requests_total', ({ method }) => method !== 'GET'),
    images: sum('inference_count_total'),
    runs: sum('execution_count_total'),
    waiting: sum('queue_depth'),
    memory:
      sumOf(samples, 'process_resident_memory_bytes') + sum('instances_resident_memory_bytes'),
    ready: sum('instances_ready'),
    instances: sum('instances'),
  };
}

/**
 * @typedef {object} Figure
 * @property {string} name
 * @property {(now: Reading, before: Reading | undefined) => number | undefined} value
 * @property {(value: number, now: Reading) => string} text
 */

/**
 * @param {'requests' | 'images'} key
 * @returns {Figure['value']}
 */
const rate = (key) => (now, before) =>
  before && ((now[key] - before[key]) / (now.at - before.at)) * 1000;

/** @type {readonly Figure[]} */
const FIGURES = [
  { name: 'Requests a second', value: rate('requests'), text: (value) => value.toFixed(1) },
  { name: 'Rows a second', value: rate('images'), text: (value) => value.toFixed(1) },
  {
    name: 'Rows in a batch',
    value: (now, before) =>
      before && now.runs > before.runs
        ? (now.images - before.images) / (now.runs - before.runs)
        : undefined,
    text: (value) => value.toFixed(1),
  },
  { name: 'Waiting', value: ({ waiting }) => waiting, text: String },
  { name: 'Memory', value: ({ memory }) => memory, text: (value) => size(value) },
  {
    name: 'Instances ready',
    value: ({ ready }) => ready,
    text: (value, { instances }) => `${value} of ${instances}`,
  },
];

export class LivePanel {
  #panel;
  #open = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Reading | undefined} */
  #last;
  /** @type {number[][]} */
  #lines = FIGURES.map(() => []);
  /** Of the model that is shown. */
  device = '';

  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.#panel = panel;
    document.addEventListener('visibilitychange', () => this.#schedule(0));
  }

  /** @param {boolean} open */
  show(open) {
    this.#open = open;
    this.#panel.hidden = !open;
    this.#last = undefined;
    this.#schedule(0);
  }

  /** @param {number} ms */
  #schedule(ms) {
    clearTimeout(this.#timer);
    if (!this.#open || document.visibilityState !== 'visible') return;
    this.#timer = setTimeout(() => void this.#read(), ms);
  }

  async #read() {
    try {
      const response = await ask('metrics');
      this.#show(readingOf(await response.text()));
      this.#schedule(EVERY_MS);
    } catch (error) {
      const text = error instanceof Problem ? error.message : String(error);
      this.#panel.replaceChildren(make('p.muted', {}, text));
      this.#schedule(5 * EVERY_MS);
    }
  }

  /** @param {Reading} now */
  #show(now) {
    const list = make('dl.figures');
    FIGURES.forEach(({ name, value, text }, at) => {
      const line = this.#lines[at] ?? [];
      const found = value(now, this.#last);
      line.push(found ?? 0);
      if (line.length > KEPT) line.shift();
      const shown = found === undefined ? '–' : text(found, now);
      list.append(make('div', {}, make('dt', {}, name), make('dd', {}, shown), lineOf(line)));
    });
    if (this.device !== '') {
      const device = make('dd', {}, this.device.toUpperCase());
      list.append(make('div', {}, make('dt', {}, 'Device'), device));
    }
    this.#last = now;
    this.#panel.replaceChildren(list);
  }
}

/** @param {readonly number[]} values */
function lineOf(values) {
  const high = Math.max(...values, 1e-9);
  const points = values.map(
    (value, at) => `${KEPT - values.length + at},${(22 - (20 * value) / high).toFixed(1)}`,
  );
  return shape(
    'svg',
    {
      class: 'line',
      viewBox: `0 0 ${KEPT - 1} 24`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    shape('polyline', { points: points.join(' '), 'vector-effect': 'non-scaling-stroke' }),
  );
}
