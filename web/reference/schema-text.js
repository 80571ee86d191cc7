/** A JSON Schema as a short text, in the manner of TypeScript. */

/** @typedef {import('./types').Schema} Schema */
/** @typedef {import('./types').OpenApi} OpenApi */

/** Depth after which only the name of a schema is written. */
const DEEPEST = 6;

/**
 * @param {Schema} schema
 * @param {OpenApi} document
 * @param {number} [depth]
 * @returns {string}
 */
export function schemaText(schema, document, depth = 0) {
  const { $ref, anyOf, oneOf, allOf, type, properties, items } = schema;
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) ?? '';
    const found = document.components.schemas?.[name];
    return found === undefined || depth > DEEPEST ? name : schemaText(found, document, depth);
  }
  const several = anyOf ?? oneOf;
  const inner = (/** @type {Schema} */ one) => schemaText(one, document, depth + 1);
  if (several !== undefined)
    return several.map((one) => schemaText(one, document, depth)).join(' | ');
  if (allOf !== undefined) return allOf.map((one) => schemaText(one, document, depth)).join(' & ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (properties !== undefined) return objectText(schema, document, depth);
  if (items !== undefined) {
    const text = inner(items);
    return / [|&] /.test(text) && !text.startsWith('{') ? `(${text})[]` : `${text}[]`;
  }
  if (typeof schema.additionalProperties === 'object') {
    return `{ [name]: ${inner(schema.additionalProperties)} }`;
  }
  if (schema.format === 'binary') return 'file';
  const name = typeof type === 'string' ? type : (type ?? ['any']).join(' | ');
  return `${name}${rangeText(schema)}`;
}

/** @param {Schema} schema */
function rangeText({ minimum, maximum }) {
  if (minimum === undefined && maximum === undefined) return '';
  if (maximum === undefined || maximum > 1e12) return minimum === undefined ? '' : ` ≥ ${minimum}`;
  return minimum === undefined ? ` ≤ ${maximum}` : ` ${minimum}–${maximum}`;
}

/**
 * @param {Schema} schema
 * @param {OpenApi} document
 * @param {number} depth
 */
function objectText({ properties = {}, required = [] }, document, depth) {
  const indent = '  '.repeat(depth + 1);
  const lines = Object.entries(properties).map(([name, property]) => {
    const mark = required.includes(name) ? '' : '?';
    const text = schemaText(property, document, depth + 1);
    const about = property.description === undefined ? '' : `  // ${property.description}`;
    const [first = '', ...rest] = `${indent}${name}${mark}: ${text}`.split('\n');
    return [first + about, ...rest].join('\n');
  });
  return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${'  '.repeat(depth)}}`;
}
