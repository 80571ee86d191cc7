/** What a request can say besides its photos: inputs of the model by role, and parameters of the query. */

/** @typedef {import('./types').Control} Control */
/** @typedef {import('./types').ModelInput} ModelInput */
/** @typedef {import('./types').Servable} Servable */

/** Labels that are listed; of more of them, one is written. */
const MOST_LISTED = 200;
const MAX_SEED = 2_147_483_647;

/**
 * The field that photos are sent in; undefined for models that take none.
 * @param {Servable | undefined} servable
 */
export function photoField({ request, inputs } = /** @type {Servable} */ ({})) {
  if (request === undefined) return undefined;
  // One that says nothing of its inputs takes a photo and nothing else.
  if (inputs === undefined) return 'image';
  const [first] = inputs;
  return first?.kind === 'image' ? first.role : undefined;
}

/**
 * What is filled in, by name.
 * @param {Servable | undefined} servable
 * @returns {Readonly<Record<string, Control>>}
 */
export function controlsOf(servable) {
  const photo = photoField(servable);
  const inputs = (servable?.inputs ?? []).filter(({ role }) => role !== photo);
  const fields = inputs.flatMap((input) => {
    const control = controlOf(input);
    return control === undefined ? [] : [[input.role, { ...control, place: 'field' }]];
  });
  const isRandom = inputs.some(({ kind }) => kind === 'noise' || kind === 'seed');
  const seed = {
    kind: 'seed',
    place: 'query',
    type: 'integer',
    minimum: 0,
    maximum: MAX_SEED,
    description: 'The same seed gives the same answer; default: another one each time',
  };
  const query = Object.entries(servable?.request?.parameters ?? {}).map(([name, parameter]) => [
    name,
    { ...parameter, place: 'query' },
  ]);
  return Object.fromEntries([...fields, ...(isRandom ? [['seed', seed]] : []), ...query]);
}

/**
 * @param {ModelInput} input
 * @returns {Omit<Control, 'place'> | undefined} undefined where there is nothing to fill in
 */
function controlOf({ kind, required, type, labels, classes = 0, length, normalize, ...input }) {
  const { minimum, maximum, maxLength } = input;
  const preset = input.default;
  const common = { required, ...(preset === undefined ? {} : { default: preset }) };
  const range = {
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  };
  switch (kind) {
    case 'image':
      return { ...common, kind: 'file', description: 'A further picture' };
    case 'number':
      return { ...common, ...range, type: type === 'integer' ? 'integer' : 'number' };
    case 'numbers': {
      const sum = normalize ? ', divided by their sum' : '';
      if (labels === undefined) {
        return {
          ...common,
          type: 'string',
          description: `${length} numbers with commas between them${sum}`,
        };
      }
      return {
        ...common,
        ...range,
        kind: 'blend',
        labels,
        default: labelOf(preset, labels),
        description: `One of ${labels.length}, or a blend of them${sum}`,
      };
    }
    case 'label': {
      const names = labels ?? Array.from({ length: classes }, (_, at) => String(at));
      const chosen = typeof preset === 'number' ? { default: names[preset] } : {};
      if (names.length > MOST_LISTED) {
        return {
          ...common,
          ...chosen,
          type: 'string',
          description: `One of ${names.length} labels`,
        };
      }
      return { ...common, ...chosen, enum: names };
    }
    case 'text':
      return { ...common, kind: 'text', type: 'string', maxLength: maxLength ?? 1000 };
    default:
      return undefined;
  }
}

/**
 * The label that is 1 where all others are 0.
 * @param {unknown} numbers
 * @param {readonly string[]} labels
 */
function labelOf(numbers, labels) {
  if (!Array.isArray(numbers)) return undefined;
  const at = numbers.indexOf(1);
  return numbers.filter((number) => number !== 0).length === 1 ? labels[at] : undefined;
}
