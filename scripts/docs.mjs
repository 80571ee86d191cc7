/** Writes the generated parts of docs/: see HELP. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `Usage: node scripts/docs.mjs [options]

Writes the tables of options in docs/configuration.md and docs/model-repository.md, between the
markers <!-- generated:start --> and <!-- generated:end -->, from the schemas of the compiled code.
Run npm run build first.

Options:
  --check  write nothing; exit with code 1 when a document is not up to date
  --help   show this text
`;

const START = '<!-- generated:start -->';
const END = '<!-- generated:end -->';
const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/**
 * The parts of a JSON schema that zod makes of ours.
 * @typedef {{
 *   type?: string, description?: string, default?: unknown, const?: unknown, enum?: unknown[],
 *   minimum?: number, maximum?: number, exclusiveMinimum?: number,
 *   anyOf?: Schema[], items?: Schema, prefixItems?: Schema[], properties?: Record<string, Schema>,
 *   additionalProperties?: Schema | boolean,
 * }} Schema
 */
/** @typedef {typeof import('zod').z} Zod */

/**
 * Text for a cell: an angle bracket would begin an HTML element.
 * @param {string} text
 */
const prose = (text) => text.replaceAll('<', '&lt;');

/**
 * A Markdown table; a bar inside a cell would end it.
 * @param {readonly string[]} header
 * @param {readonly string[][]} rows
 */
function table(header, rows) {
  /** @param {readonly string[]} cells */
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

/** @param {unknown} value */
const code = (value) => `\`${String(value)}\``;

/**
 * The allowed numbers, in words.
 * @param {Schema} schema of a number
 */
function range({ type, minimum, maximum, exclusiveMinimum }) {
  const name = type === 'integer' ? 'whole number' : 'number';
  const top = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const low = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  if (exclusiveMinimum !== undefined) {
    return `${name} above ${exclusiveMinimum}${top === undefined ? '' : `, up to ${top}`}`;
  }
  if (low !== undefined && top !== undefined) return `${name} from ${low} to ${top}`;
  return low === undefined ? name : `${name} from ${low}`;
}

/**
 * The allowed values, in words.
 * @param {Schema} schema
 * @returns {string}
 */
function values(schema) {
  if (schema.anyOf !== undefined) return schema.anyOf.map(values).join(', or ');
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  switch (schema.type) {
    case 'integer':
    case 'number':
      return range(schema);
    case 'boolean':
      return `${code('true')} or ${code('false')}`;
    case 'array':
      return schema.prefixItems === undefined
        ? `list: ${values(schema.items ?? {})}`
        : `list of ${schema.prefixItems.length}: ${values(schema.prefixItems[0] ?? {})}`;
    case 'object':
      return 'object';
    default:
      return 'text';
  }
}

/**
 * One row for every key, including the keys of nested objects.
 * @param {Schema} schema
 * @param {readonly string[]} parents keys that lead to it
 * @returns {string[][]}
 */
function keyRows(schema, parents = []) {
  const rows = Object.entries(schema.properties ?? {}).flatMap(([key, own]) => {
    const at = [...parents, key];
    const preset = own.default === undefined ? '' : `; default ${String(own.default)}`;
    const row = [code(at.join('.')), values(own), prose(`${own.description ?? ''}${preset}`)];
    return [row, ...keyRows(own, at)];
  });
  const { additionalProperties: any } = schema;
  // Keys of any name.
  if (typeof any === 'object') rows.push(...keyRows(any, [...parents, '*']));
  return [...rows, ...(schema.anyOf ?? []).flatMap((option) => keyRows(option, parents))];
}

/** @param {import('../src/config/schema.js').OptionDoc} option */
function defaultOf({ defaultText }) {
  if (defaultText === undefined) return 'see Meaning';
  return defaultText === '' ? 'none' : code(defaultText);
}

/** @param {Zod} z */
function configuration(z) {
  /** @type {typeof import('../src/config/schema.js')} */
  const { OPTIONS, configSchema } = require(`${root}dist/config/schema.js`);
  const { properties = {} } = jsonSchema(z, configSchema);
  return table(
    ['Option', 'Flag and environment variable', 'Values', 'Default', 'Meaning'],
    OPTIONS.map((option) => [
      code(option.name),
      `${code(option.flag)}<br>${code(option.env)}`,
      values(properties[option.name] ?? {}),
      defaultOf(option),
      prose(option.description),
    ]),
  );
}

/** @param {Zod} z */
function modelRepository(z) {
  /** @type {typeof import('../src/models/model-config.js')} */
  const { commonConfigSchema, TASK_CONFIGS } = require(`${root}dist/models/model-config.js`);
  /** @param {import('zod').ZodType} schema */
  const keys = (schema) => table(['Key', 'Values', 'Meaning'], keyRows(jsonSchema(z, schema)));
  const ofTasks = [...TASK_CONFIGS].map(([task, schema]) => `#### ${task}\n\n${keys(schema)}`);
  return [keys(commonConfigSchema), ...ofTasks].join('\n\n');
}

/**
 * @param {Zod} z
 * @param {import('zod').ZodType} schema
 */
function jsonSchema(z, schema) {
  return /** @type {Schema} */ (z.toJSONSchema(schema, { io: 'input' }));
}

/**
 * A document with its generated part replaced, formatted like the rest of the repository.
 * @param {string} file its path
 * @param {string} text its content
 * @param {string} generated
 */
async function render(file, text, generated) {
  const [before = '', rest, ...more] = text.split(START);
  const after = rest?.split(END)[1];
  if (after === undefined || more.length > 0) {
    throw new Error(`${file} needs ${START} and ${END}, each exactly once`);
  }
  const prettier = await import('prettier');
  const options = await prettier.resolveConfig(file);
  return prettier.format(`${before}${START}\n\n${generated}\n\n${END}${after}`, {
    ...options,
    parser: 'markdown',
  });
}

const { values: options } = parseArgs({
  options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
});
if (options.help) {
  process.stdout.write(HELP);
} else {
  // Required, not imported: the schemas' descriptions are kept by the zod that compiled code loads.
  const { z } = require('zod');
  const documents = { 'configuration.md': configuration, 'model-repository.md': modelRepository };
  for (const [name, generate] of Object.entries(documents)) {
    const file = path.join(root, 'docs', name);
    const text = readFileSync(file, 'utf8');
    const wanted = await render(file, text, generate(z));
    if (wanted === text) {
      console.log(`docs/${name}: up to date`);
    } else if (options.check) {
      console.error(`docs/${name}: not up to date; run: npm run docs`);
      process.exitCode = 1;
    } else {
      writeFileSync(file, wanted);
      console.log(`docs/${name}: written`);
    }
  }
}
