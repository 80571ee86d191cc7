import { make } from '../base/dom.js';

/** Controls for the parameters of a model, whatever they are: made from their JSON Schema. */

/** @typedef {import('./types').Parameter} Parameter */

/**
 * @param {HTMLElement} form
 * @param {Readonly<Record<string, Parameter>>} properties
 * @param {Record<string, string>} values what was chosen before; kept up to date
 * @param {() => void} changed
 */
export function showParameters(form, properties, values, changed) {
  const controls = Object.entries(properties).map(([name, schema]) => {
    const control = controlOf(name, schema, values[name] ?? '');
    const take = () => {
      if (!control.checkValidity()) return;
      if (control.value === '') delete values[name];
      else values[name] = control.value;
      changed();
    };
    control.addEventListener('input', take);
    const about = schema.description ?? '';
    const note = make('small', { id: `about-${name}` }, ...withCode(about));
    if (about !== '') control.setAttribute('aria-describedby', note.id);
    const label = make('label', { htmlFor: control.id }, nameText(name));
    const slider = sliderOf(name, schema, control, take);
    return make('div.parameter', {}, label, control, slider, about === '' ? null : note);
  });
  form.replaceChildren(...controls);
}

/**
 * @param {string} name
 * @param {Parameter} schema
 * @param {string} value
 */
function controlOf(name, schema, value) {
  const id = `parameter-${name}`;
  const preset = schema.default;
  if (schema.enum !== undefined) {
    const choices = schema.enum.map((one) => [String(one), String(one)]);
    return select(id, choices, value, preset);
  }
  if (schema.type === 'boolean') {
    const isOn = preset === undefined ? undefined : preset === true ? 'Yes' : 'No';
    return select(
      id,
      [
        ['true', 'Yes'],
        ['false', 'No'],
      ],
      value,
      isOn,
    );
  }
  const placeholder = preset === undefined ? 'Default' : String(preset);
  if (schema.type === 'integer' || schema.type === 'number') {
    const { minimum, maximum } = schema;
    const field = make('input', { id, type: 'number', placeholder, value });
    if (minimum !== undefined) field.min = String(minimum);
    if (maximum !== undefined) field.max = String(maximum);
    field.step = schema.type === 'integer' ? '1' : stepOf(minimum, maximum);
    field.inputMode = schema.type === 'integer' ? 'numeric' : 'decimal';
    return field;
  }
  if ((schema.maxLength ?? 0) > 80) {
    return make('textarea', { id, value, rows: 3, maxLength: schema.maxLength ?? -1 });
  }
  return make('input', { id, type: 'text', placeholder, value });
}

/**
 * A slider beside the field of a number that has two bounds.
 * @param {string} name
 * @param {Parameter} schema
 * @param {{ value: string }} field
 * @param {() => void} take
 */
function sliderOf(name, { type, minimum, maximum, default: preset }, field, take) {
  if (type !== 'number' || minimum === undefined || maximum === undefined) return null;
  const slider = make('input', {
    type: 'range',
    min: String(minimum),
    max: String(maximum),
    step: String((maximum - minimum) / 100),
    attributes: { 'aria-label': `${nameText(name)}, as a slider` },
  });
  const follow = () => {
    slider.value = field.value === '' ? String(preset ?? minimum) : field.value;
  };
  slider.addEventListener('input', () => {
    field.value = slider.value;
    take();
  });
  if (field instanceof HTMLElement) field.addEventListener('input', follow);
  follow();
  return slider;
}

/**
 * What stands between backticks is code.
 * @param {string} text
 */
function withCode(text) {
  return text.split('`').map((part, at) => (at % 2 === 1 ? make('code', {}, part) : part));
}

/**
 * Steps that make sense within bounds; any number where there are none.
 * @param {number | undefined} minimum
 * @param {number | undefined} maximum
 */
function stepOf(minimum, maximum) {
  return minimum === 0 && maximum === 1 ? '0.01' : 'any';
}

/**
 * @param {string} id
 * @param {readonly (readonly string[])[]} choices values and texts
 * @param {string} value
 * @param {unknown} preset what holds where nothing is chosen; undefined: nobody says
 */
function select(id, choices, value, preset) {
  const options = choices.map(([choice = '', text = '']) =>
    make('option', { value: choice, selected: choice === value }, text),
  );
  const unset = preset === undefined ? 'Default' : `Default (${String(preset)})`;
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
