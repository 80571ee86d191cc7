import { z } from 'zod';

import { ERROR_CODES } from '../../src/kernel/errors';
import { openApiDocument, OPERATIONS } from '../../src/http/openapi/document';
import { TASKS } from '../../src/tasks/tasks';
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

const document = openApiDocument({ part: 'everything' }) as any;
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
    const documented = operationsOf(openApiDocument({ part })).map(({ name }) => name);

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

describe('what Spectral, Redocly and makers of clients want', () => {
  const schemas: Record<string, any> = document.components.schemas;

  test('every operation is described, succeeds somehow, fails somehow, and says who may', () => {
    for (const { name, operation } of operations) {
      const statuses = Object.keys(operation.responses);
      expect({ name, described: operation.description }).toMatchObject({
        described: expect.stringMatching(/\w/) as string,
      });
      expect({ name, success: statuses.some((status) => /^2/.test(status)) }).toEqual({
        name,
        success: true,
      });
      expect({ name, failure: statuses.some((status) => /^4/.test(status)) }).toEqual({
        name,
        failure: true,
      });
    }
    expect(document.security).toEqual([]);
    expect(document.info.contact.name).toMatch(/\w/);
    expect(document.servers[0].url).not.toMatch(/\/$/);
  });

  test.each(['everything', 'no-model-control', 'admin'] as const)(
    'every component of the document is used: %s',
    (part) => {
      const { components, ...rest } = openApiDocument({ part }) as any;
      const text = JSON.stringify(rest);
      const unused = Object.entries<any>(components)
        .filter(([kind]) => kind !== 'securitySchemes')
        .flatMap(([kind, all]) =>
          Object.keys(all).filter((name) => {
            const reference = `"#/components/${kind}/${name}"`;
            return !text.includes(reference) && !JSON.stringify(components).includes(reference);
          }),
        );

      expect(unused).toEqual([]);
    },
  );

  test('every object has a name: names that generators make up are sometimes the same', () => {
    const nameless = (at: any, place: string): string[] => {
      if (typeof at !== 'object' || at === null) return [];
      const own = 'properties' in at && !/^schemas\.\w+$/.test(place) ? [place] : [];
      return [
        ...own,
        ...Object.entries(at)
          .filter(([key]) => !['example', 'examples', 'value'].includes(key))
          .flatMap(([key, inner]) => nameless(inner, `${place}.${key}`)),
      ];
    };

    expect([...nameless(schemas, 'schemas'), ...nameless(document.paths, 'paths')]).toEqual([]);
  });

  test('no two names are one, in whatever case, and none is what a generator makes of an operation', () => {
    const names = Object.keys(schemas).map((name) => name.toLowerCase());
    const made = operations.flatMap(({ operation: { operationId } }) =>
      ['request', 'response', 'params', 'body', 'error', 'data'].map(
        (suffix) => `${String(operationId).toLowerCase()}${suffix}`,
      ),
    );

    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => made.includes(name))).toEqual([]);
  });

  test('every list says what is in it', () => {
    const silent = (at: any, place: string): string[] =>
      typeof at !== 'object' || at === null
        ? []
        : [
            ...([at.type].flat().includes('array') && !at.items ? [place] : []),
            ...Object.entries(at).flatMap(([key, inner]) => silent(inner, `${place}.${key}`)),
          ];

    expect(silent(document, 'document')).toEqual([]);
  });

  test('beside a form there is no type with "json" in it: a client of openapi-generator would send that', () => {
    const forms = operations.filter(
      ({ operation }) => operation.requestBody?.content?.['multipart/form-data'] !== undefined,
    );

    const verbs = new Set(TASKS.map(({ verb }) => verb));
    expect(forms).toHaveLength(4 * (verbs.size + 2));
    for (const { operation } of forms) {
      const [first, ...others] = Object.keys(operation.requestBody.content);
      expect(first).toBe('multipart/form-data');
      expect(others.filter((type) => /json/i.test(type))).toEqual([]);
    }
  });
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
