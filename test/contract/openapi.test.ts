import { z } from 'zod';

import { ERROR_CODES } from '../../src/kernel/errors';
import { openApiDocument, OPERATIONS } from '../../src/http/openapi/document';
import { createBareApps } from '../support/bare-app';
import { registeredRoutes } from '../support/express-routes';

interface NamedOperation {
  readonly name: string;
  readonly operation: any;
}

function operationsOf(ofDocument: any): NamedOperation[] {
  return Object.entries<any>(ofDocument.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
}

const document = openApiDocument('everything') as any;
const operations = operationsOf(document);

describe('the document has every route, and no other,', () => {
  const { app, admin, close } = createBareApps({ modelControl: false });
  const whole = createBareApps({ modelControl: true });
  afterAll(() => {
    close();
    whole.close();
  });

  test.each([
    ['of the server', 'everything', whole.app],
    ['of the server without the model repository API', 'no-model-control', app],
    ['of the admin port', 'admin', admin],
  ] as const)('%s', (_what, part, served) => {
    const documented = operationsOf(openApiDocument(part)).map(({ name }) => name);

    expect(documented.sort()).toEqual(registeredRoutes(served));
  });
});

test('every operation has a name of its own, a summary, and a tag that is described', () => {
  const tags = document.tags.map(({ name }: { name: string }) => name);

  const names = operations.map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(operations.length);
  for (const { operation } of operations) {
    expect(operation.summary).toMatch(/\w/);
    expect(tags).toEqual(expect.arrayContaining(operation.tags));
  }
});

test('every error code that an operation can answer is documented', () => {
  const answers = operations.flatMap(({ operation }) => Object.values<any>(operation.responses));

  const documented = Object.keys(ERROR_CODES).filter((code) =>
    answers.some(({ description }) => description.includes(`\`${code}\``)),
  );
  // Nobody receives the first, and the second belongs to no operation.
  const missing = Object.keys(ERROR_CODES).filter((code) => !documented.includes(code));
  expect(missing.sort()).toEqual(['CLIENT_CLOSED_REQUEST', 'METHOD_NOT_ALLOWED']);
});

test('errors that may pass have Retry-After, and every answer a request id', () => {
  for (const { operation } of operations) {
    for (const [status, { headers }] of Object.entries<any>(operation.responses)) {
      expect(headers).toHaveProperty('X-Request-Id');
      if (status === '429') expect(headers).toHaveProperty('Retry-After');
    }
  }
});

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
    ([, target = '']) => target,
  );

  expect(references.length).toBeGreaterThan(0);
  const dead = references.filter(
    (target) => target.split('/').reduce((at, key) => at?.[key], document) === undefined,
  );
  expect(dead).toEqual([]);
});

test('every example is what its schema says', () => {
  const examples = OPERATIONS.flatMap((operation) =>
    [operation.request?.body, ...Object.values(operation.responses)].flatMap((part: any) =>
      Object.values<any>(part?.content ?? {})
        .filter(({ schema }) => schema instanceof z.ZodType)
        .flatMap(({ schema, example, examples: named = {} }) =>
          [example, ...Object.values<any>(named).map(({ value }) => value)]
            .filter((value) => value !== undefined)
            .map((value) => ({ operation: operation.operationId, schema, value })),
        ),
    ),
  );

  expect(examples.length).toBeGreaterThan(OPERATIONS.length);
  for (const { operation, schema, value } of examples) {
    expect({ operation, value: schema.safeParse(value).data }).toEqual({ operation, value });
  }
});
