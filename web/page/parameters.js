import { make } from '../base/dom.js';
import { blendOf } from './blend.js';

/** Controls for what a model takes besides photos, whatever it is: made from a JSON Schema of each. */

/** @typedef {import('./types').Control} Control */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Field */

const MAX_SEED = 2 ** 31;

/**
 * @param {HTMLElement} form
 * @param {Readonly<Record<string, Control>>} controls
 * @param {import('./types').Values} values what was chosen before; kept up to date
 * @param {() => void} changed
 */
export function showParameters(form, controls, values, changed) {
  form.replaceChildren(
    ...Object.entries(controls).map(([name, control]) => {
      const set = (/** @type {string | File | undefined} */ value) => {
        if (value === undefined || value === '') delete values[name];
        else values[name] = value;
        changed();
      };
      const before = values[name];
      const text = typeof before === 'string' ? before : '';
      const label = nameText(name);
      if (control.kind === 'blend')
        return blendOf(name, label, control, text, set, about(name, control));
      return rowOf(name, label, control, text, set);
    }),
  );
}

/**
 * @param {string} name
 * @param {string} label
 * @param {Control} control
 * @param {string} text
 * @param {(value: string | File | undefined) => void} set
 */
function rowOf(name, label, control, text, set) {
  const field = fieldOf(name, control, text);
  field.required = control.required === true && control.kind !== 'text';
  const take = () => {
    if (!field.checkValidity()) return;
    set(control.kind === 'file' ? /** @type {HTMLInputElement} */ (field).files?.[0] : field.value);
  };
  field.addEventListener('input', take);
  const note = about(name, control);
  if (note !== null) field.setAttribute('aria-describedby', note.id);
  const more =
    control.kind === 'seed' ? diceOf(field, take) : sliderOf(label, control, field, take);
  return make('div.parameter', {}, make('label', { htmlFor: field.id }, label), field, more, note);
}

/** @param {string} name @param {Control} control */
function about(name, { description = '' }) {
  if (description === '') return null;
  // What stands between backticks is code.
  const parts = description
    .split('`')
    .map((part, at) => (at % 2 === 1 ? make('code', {}, part) : part));
  return make('small', { id: `about-${name}` }, ...parts);
}

/**
 * @param {string} name
 * @param {Control} control
 * @param {string} value
 * @returns {Field}
 */
function fieldOf(name, control, value) {
  const id = `parameter-${name}`;
  const { default: preset, type, kind, maxLength = -1 } = control;
  if (kind === 'file') return make('input', { id, type: 'file', accept: 'image/*' });
  if (control.enum !== undefined) {
    const choices = control.enum.map((one) => [String(one), String(one)]);
    return select(id, choices, value, preset, control.required === true);
  }
  if (type === 'boolean') {
    const isOn = preset === undefined ? undefined : preset === true ? 'Yes' : 'No';
    const choices = [
      ['true', 'Yes'],
      ['false', 'No'],
    ];
    return select(id, choices, value, isOn, false);
  }
  const placeholder = preset === undefined ? (control.required ? '' : 'Default') : String(preset);
  if (kind === 'text') {
    return make('textarea', {
      id,
      value,
      rows: 3,
      maxLength,
      placeholder: preset ? placeholder : '',
    });
  }
  if (type !== 'integer' && type !== 'number') {
    return make('input', { id, type: 'text', placeholder, value });
  }
  const { minimum, maximum } = control;
  const field = make('input', { id, type: 'number', placeholder, value });
  if (minimum !== undefined) field.min = String(minimum);
  if (maximum !== undefined) field.max = String(maximum);
  field.step = type === 'integer' ? '1' : 'any';
  field.inputMode = type === 'integer' ? 'numeric' : 'decimal';
  return field;
}

/**
 * A slider beside the field of a number that has two bounds.
 * @param {string} label
 * @param {Control} control
 * @param {Field} field
 * @param {() => void} take
 */
function sliderOf(label, { type, minimum, maximum, default: preset }, field, take) {
  if (type !== 'number' || minimum === undefined || maximum === undefined) return null;
  const slider = make('input', {
    type: 'range',
    min: String(minimum),
    max: String(maximum),
    step: String((maximum - minimum) / 100),
    attributes: { 'aria-label': `${label}, as a slider` },
  });
  const follow = () => {
    slider.value = field.value === '' ? String(preset ?? minimum) : field.value;
  };
  slider.addEventListener('input', () => {
    field.value = slider.value;
    take();
  });
  field.addEventListener('input', follow);
  follow();
  return slider;
}

/**
 * Draws a seed.
 * @param {Field} field
 * @param {() => void} take
 */
function diceOf(field, take) {
  const button = make('button.dice', { type: 'button' }, 'Another seed');
  button.addEventListener('click', () => {
    field.value = String(Math.floor(Math.random() * MAX_SEED));
    take();
  });
  return button;
}

/**
 * @param {string} id
 * @param {readonly (readonly string[])[]} choices values and texts
 * @param {string} value
 * @param {unknown} preset what holds where nothing is chosen; undefined: nobody says
 * @param {boolean} required
 */
function select(id, choices, value, preset, required) {
  const options = choices.map(([choice = '', text = '']) =>
    make('option', { value: choice, selected: choice === value }, text),
  );
  const unset = required
    ? 'Choose…'
    : preset === undefined
      ? 'Default'
      : `Default (${String(preset)})`;
  return make('select', { id }, make('option', { value: '' }, unset), ...options);
}

/**
 * `topK` → `Top K`
 * @param {string} name
 */
function nameText(name) {
  const words = name.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/[_-]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
