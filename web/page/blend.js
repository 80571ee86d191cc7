import { make } from '../base/dom.js';

/** One of several labels, or how much of each: weights of a model that blends. */

/** @typedef {import('./types').Control} Control */

/** In the list of labels: how much of each is said below. */
const BLEND = '\u0000blend';

/**
 * @param {string} name
 * @param {string} title
 * @param {Control} control
 * @param {string} value a label, or JSON of weights by label
 * @param {(value: string | undefined) => void} set
 * @param {HTMLElement | null} note
 */
export function blendOf(name, title, control, value, set, note) {
  const { labels = [], default: preset, minimum = 0, maximum = 1, required } = control;
  const before = weightsOf(value);
  const weights = new Map(Object.entries(before ?? {}));
  const unset = preset === undefined ? 'Default' : `Default (${String(preset)})`;
  const choice = make('select', { id: `parameter-${name}`, required: required === true });
  choice.append(
    make('option', { value: '' }, required ? 'Choose…' : unset),
    ...labels.map((label) => make('option', { value: label }, label)),
    make('option', { value: BLEND }, 'Blend…'),
  );
  choice.value = before === undefined ? value : BLEND;
  const list = make('div.weights', { hidden: choice.value !== BLEND });
  const send = () => {
    const chosen = Object.fromEntries([...weights].filter(([, weight]) => weight !== 0));
    set(Object.keys(chosen).length === 0 ? undefined : JSON.stringify(chosen));
  };
  for (const label of labels) {
    const slider = make('input', {
      type: 'range',
      min: String(minimum),
      max: String(maximum),
      step: String((maximum - minimum) / 100),
      value: String(weights.get(label) ?? minimum),
    });
    const shown = make('output', {}, slider.value);
    slider.addEventListener('input', () => {
      shown.textContent = slider.value;
      weights.set(label, Number(slider.value));
      send();
    });
    list.append(make('label', {}, make('span', {}, label), slider, shown));
  }
  choice.addEventListener('input', () => {
    list.hidden = choice.value !== BLEND;
    if (choice.value === BLEND) send();
    else set(choice.value);
  });
  if (note !== null) choice.setAttribute('aria-describedby', note.id);
  return make(
    'div.parameter',
    {},
    make('label', { htmlFor: choice.id }, title),
    choice,
    note,
    list,
  );
}

/**
 * @param {string} text
 * @returns {Readonly<Record<string, number>> | undefined} undefined where it is a label
 */
function weightsOf(text) {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
