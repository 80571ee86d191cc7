import { make } from '../base/dom.js';
import { showTabs } from './call.js';

/** How to call a model that is only asked for tensors. */

/** @typedef {import('./types').ModelDetails} ModelDetails */
/** @typedef {import('./types').Tensor} Tensor */

/** Numbers in the body of an example; larger inputs are cut with a note. */
const MOST_NUMBERS = 16;

/** @param {Tensor} tensor */
const shapeText = ({ shape }) =>
  shape === null
    ? 'any'
    : shape.length === 0
      ? 'one value'
      : `[${shape.map((n) => (n < 0 ? '?' : n)).join(', ')}]`;

/**
 * @param {string} title
 * @param {readonly Tensor[]} tensors
 */
function table(title, tensors) {
  const rows = tensors.map((tensor) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, make('code', {}, tensor.name)),
      make('td', {}, tensor.dtype ?? tensor.tensorflowType),
      make('td', {}, shapeText(tensor)),
    ),
  );
  const head = ['Name', 'Type', 'Shape'].map((text) => make('th', { scope: 'col' }, text));
  return make(
    'table',
    {},
    make('caption', {}, title),
    make('thead', {}, make('tr', {}, ...head)),
    make('tbody', {}, ...rows),
  );
}

/** @param {Tensor} tensor @returns {number[]} with 1 where any size will do */
const sizeOf = ({ shape }) => (shape ?? []).map((n) => (n < 0 ? 1 : n));

/**
 * A value for an example, nested as the shape is.
 * @param {readonly number[]} shape
 * @param {unknown} element
 * @returns {unknown}
 */
function nested([size, ...rest], element) {
  if (size === undefined) return element;
  return Array.from({ length: size }, () => nested(rest, element));
}

/** @param {Tensor} tensor */
const elementOf = ({ dtype }) =>
  dtype === 'string'
    ? 'text'
    : dtype === 'bool'
      ? true
      : /^float|^bfloat/.test(dtype ?? '')
        ? 0.5
        : 1;

/** @param {Tensor} tensor */
const count = (tensor) => sizeOf(tensor).reduce((product, n) => product * n, 1);

/** @param {ModelDetails} model @param {readonly Tensor[]} inputs */
function examples({ name, servable }, inputs) {
  const server = new URL('.', location.href).href.replace(/\/$/, '');
  const short = inputs.every((tensor) => count(tensor) <= MOST_NUMBERS);
  const body = JSON.stringify({
    ...(servable?.signature === 'serving_default' ? {} : { signature_name: servable?.signature }),
    inputs: Object.fromEntries(
      inputs.map((tensor) => [
        tensor.name,
        short ? nested(sizeOf(tensor), elementOf(tensor)) : '…',
      ]),
    ),
  });
  const url = `${server}/v1/models/${name}:predict`;
  const source = short ? `'${body.replaceAll("'", `'\\''`)}'` : '@body.json';
  const inTypeScript = inputs.map(
    (tensor) =>
      `  ${JSON.stringify(tensor.name)}: { shape: ${JSON.stringify(sizeOf(tensor))}, data: ${arrayOf(tensor)} },`,
  );
  return /** @type {const} */ ([
    ['curl', `${short ? '' : `# body.json: ${body}\n`}curl -d ${source} \\\n  '${url}'`],
    [
      'TypeScript',
      [
        `import { ServingClient } from 'tfjs-serving/client';`,
        '',
        `const client = new ServingClient(${JSON.stringify(server)});`,
        'const inputs = {',
        ...inTypeScript,
        '};',
        `const { outputs } = await client.predict(inputs, { model: ${JSON.stringify(name)} });`,
        'console.log(outputs);',
      ].join('\n'),
    ],
    [
      'Python',
      [
        'import requests',
        '',
        ...(short ? [] : ['import json']),
        `body = ${short ? pythonOf(body) : 'json.load(open("body.json"))'}`,
        `response = requests.post(${JSON.stringify(url)}, json=body)`,
        'response.raise_for_status()',
        'print(response.json()["outputs"])',
      ].join('\n'),
    ],
  ]);
}

/** @param {string} json */
const pythonOf = (json) => json.replaceAll(/\btrue\b/g, 'True').replaceAll(/([:,])(?=\S)/g, '$1 ');

const ARRAYS = /** @type {const} */ ({
  float32: 'Float32Array',
  float64: 'Float64Array',
  int8: 'Int8Array',
  int16: 'Int16Array',
  int32: 'Int32Array',
  int64: 'BigInt64Array',
  uint8: 'Uint8Array',
  uint16: 'Uint16Array',
  uint32: 'Uint32Array',
  uint64: 'BigUint64Array',
});

/** @param {Tensor} tensor */
function arrayOf(tensor) {
  const name = ARRAYS[/** @type {keyof typeof ARRAYS} */ (tensor.dtype)];
  if (name !== undefined) return `new ${name}(${count(tensor)})`;
  return `new Array(${count(tensor)}).fill(${JSON.stringify(elementOf(tensor))})`;
}

/**
 * @param {HTMLElement} place
 * @param {ModelDetails} model
 */
export function showTensorNote(place, model) {
  const { servable } = model;
  const signature = servable?.signatures[servable.signature];
  if (servable === undefined || signature === undefined) return;
  const code = make('div', { id: 'tensor-code' });
  const link = (/** @type {string} */ href, /** @type {string} */ text) =>
    make('a', { href }, text);
  place.replaceChildren(
    make('h2', {}, 'This model takes tensors'),
    make(
      'p',
      {},
      'It is called by the protocols of TensorFlow Serving (',
      link('docs#tag-tensorflow-serving', '/v1'),
      ') and of KServe and Triton (',
      link('docs#tag-open-inference-protocol', '/v2'),
      '). ',
      'If it does take photos, say so with ',
      make('code', {}, 'task'),
      ' in its model.json.',
    ),
    make('div.tables', {}, table('Inputs', signature.inputs), table('Outputs', signature.outputs)),
    code,
  );
  showTabs(code, examples(model, signature.inputs));
}
