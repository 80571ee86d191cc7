import request from 'supertest';

import { createBareApps } from '../support/bare-app';

const { app, admin, close } = createBareApps();
afterAll(close);

test('/openapi.json is an OpenAPI 3.1 document of this version', async () => {
  const { body } = await request(app)
    .get('/openapi.json')
    .expect(200)
    .expect('Content-Type', /^application\/json/);

  expect(body.openapi).toMatch(/^3\.1\./);
  expect(body.info.version).toMatch(/^\d+\.\d+\.\d+/);
});

test('/docs is found with a slash at the end too', async () => {
  const { headers } = await request(app).get('/docs/').expect(308);

  expect(new URL(headers.location ?? '', 'http://server/docs/').pathname).toBe('/docs');
});

test('the port for model control has /docs and its parts, and no page at /', async () => {
  const { text } = await request(admin).get('/docs').expect(200);
  const [, script = ''] = /<script type="module" src="([^"]+)"/.exec(text) ?? [];

  await request(admin)
    .get(`/${script}`)
    .expect(200)
    .expect('Content-Type', /javascript/);
  await request(admin).get('/').expect(404);
});
