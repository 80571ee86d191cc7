import { z } from 'zod';

import { commonConfigSchema, parseModelConfig, TASK_CONFIGS } from '../../src/models/model-config';
import { codeBlocks, codeRows, readDocument, uncode } from '../support/markdown';

const document = readDocument('docs/model-repository.md');
const [, generated = ''] = document.split('<!-- generated:start -->');
const rows = codeRows(generated.split('<!-- generated:end -->')[0] ?? '');

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly anyOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
}

/** Paths of every key, those of alternatives included. */
function keysOf(schema: JsonSchema, parents: readonly string[] = []): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const at = [...parents, key];
    return [at.join('.'), ...keysOf(inner, at)];
  });
  const { additionalProperties: any } = schema;
  if (typeof any === 'object') own.push(...keysOf(any, [...parents, '*']));
  return [...own, ...(schema.anyOf ?? []).flatMap((option) => keysOf(option, parents))];
}

test('docs/model-repository.md lists every key of model.json, and no other', () => {
  const keys = [commonConfigSchema, ...TASK_CONFIGS.values()].flatMap((schema) =>
    keysOf(z.toJSONSchema(schema, { io: 'input' }) as JsonSchema),
  );

  expect(rows.map(([key]) => uncode(key))).toEqual(keys);
  expect(keys).toEqual(
    expect.arrayContaining(['input.normalization.mean', 'output.topK', 'outputs.boxes.format']),
  );
});

test('the examples of model.json are valid', () => {
  const examples = codeBlocks(document, 'json');

  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) expect(() => parseModelConfig(example)).not.toThrow();
});
