/** Writes the generated parts of docs/: see HELP. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `Usage: node scripts/docs.mjs [options]

Writes what the schemas say into docs/configuration.md and docs/model-repository.md, between the
markers <!-- generated:start --> and <!-- generated:end -->. Reads the build: npm run build first.

Options:
  --check  write nothing; exit code 1 when a document is not up to date
  --help   show this text
`;

const START = '<!-- generated:start -->';
const END = '<!-- generated:end -->';
const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** Text for a cell: an angle bracket would begin an HTML element. */
const prose = (text) => text.replaceAll('<', '&lt;');

/** A Markdown table; a bar inside a cell would end it. */
function table(header, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (value) => `\`${value}\``;

/** The numbers from `minimum` to `maximum`, in words. */
function range({ type, minimum, maximum, exclusiveMinimum }) {
  const name = type === 'integer' ? 'whole number' : 'number';
  const top = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const low = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  if (exclusiveMinimum !== undefined) return `${name} above ${exclusiveMinimum}, up to ${top}`;
  if (low !== undefined && top !== undefined) return `${name} from ${low} to ${top}`;
  return low === undefined ? name : `${name} from ${low}`;
}

/** What a value may be, in words. */
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
        ? `list: ${values(schema.items)}`
        : `list of ${schema.prefixItems.length}: ${values(schema.prefixItems[0])}`;
    case 'object':
      return 'object';
    default:
      return 'text';
  }
}

/** One row for every key, those of objects inside included. */
function keyRows(schema, parents = []) {
  const rows = Object.entries(schema.properties ?? {}).flatMap(([key, own]) => {
    const at = [...parents, key];
    const preset = own.default === undefined ? '' : `; default ${String(own.default)}`;
    const row = [code(at.join('.')), values(own), prose(`${own.description ?? ''}${preset}`)];
    return [row, ...keyRows(own, at)];
  });
  return [...rows, ...(schema.anyOf ?? []).flatMap((option) => keyRows(option, parents))];
}

function defaultOf({ defaultText }) {
  if (defaultText === undefined) return 'see Meaning';
  return defaultText === '' ? 'none' : code(defaultText);
}

function configuration(z) {
  const { OPTIONS, configSchema } = require('../dist/config/schema.js');
  const { properties } = z.toJSONSchema(configSchema, { io: 'input' });
  return table(
    ['Option', 'Flag and environment variable', 'Values', 'Default', 'Meaning'],
    OPTIONS.map((option) => [
      code(option.name),
      `${code(option.flag)}<br>${code(option.env)}`,
      values(properties[option.name]),
      defaultOf(option),
      prose(option.description),
    ]),
  );
}

function modelRepository(z) {
  const { commonConfigSchema, TASK_CONFIGS } = require('../dist/models/model-config.js');
  const keys = (schema) =>
    table(['Key', 'Values', 'Meaning'], keyRows(z.toJSONSchema(schema, { io: 'input' })));
  const ofTasks = [...TASK_CONFIGS].map(([task, schema]) => `#### ${task}\n\n${keys(schema)}`);
  return [keys(commonConfigSchema), ...ofTasks].join('\n\n');
}

/** The document with its generated part replaced, formatted as the repository is. */
async function render(file, text, generated) {
  const [before, rest, ...more] = text.split(START);
  const after = rest?.split(END)[1];
  if (after === undefined || more.length > 0) {
    throw new Error(`${file} needs ${START} and ${END}, once each`);
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
