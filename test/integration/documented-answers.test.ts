import { readFileSync } from 'node:fs';

import { z } from 'zod';

import type { Service } from '../../src/compose';
import { OPERATIONS } from '../../src/http/openapi/document';
import { photo, SHIPPED, startTestService } from '../support/service';

const B64 = readFileSync(photo('coffee.jpg')).toString('base64');
/** Bodies that are answered with 200, by operation. */
const BODIES: Readonly<Record<string, unknown>> = {
  classify: { images: [{ b64: B64 }, { b64: 'bm9uZQ==' }] },
  generate: { images: [{ b64: B64 }, { b64: 'bm9uZQ==' }] },
  tfServingPredict: { instances: [{ b64: B64 }] },
  infer: {
    inputs: [
      {
        name: 'images',
        shape: [1, 224, 224, 3],
        datatype: 'FP32',
        data: Array(224 * 224 * 3).fill(0),
      },
    ],
  },
  repositoryIndex: {},
};

const answerable = OPERATIONS.filter(
  ({ method, operationId = '' }) => method === 'get' || operationId in BODIES,
).map((operation) => ({ name: `${operation.method} ${operation.path}`, operation }));

let service: Service;

beforeAll(async () => {
  service = await startTestService({
    modelRepository: SHIPPED,
    models: ['efficientnet-lite0', 'span-x2'],
  });
});
afterAll(async () => {
  await service.stop();
});

test.each(answerable)(
  'the answer of $name is documented, each of its keys included',
  async ({ operation }) => {
    const { method, path, operationId = '', responses } = operation;
    const model = operationId === 'generate' ? 'span-x2' : 'efficientnet-lite0';
    const address = path
      .replace('{name}', model)
      .replace('{version}', '1')
      .replace('{label}', 'none')
      .replace('{asset}', 'start.js');

    const response = await fetch(service.url + address, {
      method,
      ...(method === 'post'
        ? {
            body: JSON.stringify(BODIES[operationId]),
            headers: { 'Content-Type': 'application/json' },
          }
        : {}),
    });

    if (operationId in BODIES) expect(response.status).toBe(200);
    const documented = responses[response.status] as any;
    const [mediaType = ''] = (response.headers.get('content-type') ?? '').split(';');
    expect(Object.keys(documented.content)).toContain(mediaType);
    for (const header of Object.keys(documented.headers)) {
      // Sent where there is a reason to.
      if (!/^(Retry-After|Accept|Inference-Header|X-Seed|traceparent)/.test(header)) {
        expect([header, response.headers.get(header)]).toEqual([header, expect.any(String)]);
      }
    }
    const { schema } = documented.content[mediaType];
    if (schema instanceof z.ZodType) {
      const body: unknown = await response.json();
      // Keys that the schema does not know are left out by it.
      expect(schema.parse(body)).toEqual(body);
    }
  },
);

test('there are answers of every family of addresses among them', () => {
  const families = new Set(answerable.map(({ operation }) => operation.tags?.[0]));

  expect(families).toEqual(new Set(OPERATIONS.map(({ tags }) => tags?.[0])));
});
