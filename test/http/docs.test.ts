import request from 'supertest';

import { DOCS_ASSETS } from '../../src/http/docs-page';
import { createBareApps } from '../support/bare-app';

const { app, close } = createBareApps();
afterAll(close);

/** Addresses of hosts in a text that a browser would ask. */
function outsideHosts(text: string): string[] {
  return text.match(/(?:src|href|url)\s*[=:(]\s*["']?(?:https?:)?\/\/[^"')\s]+/gi) ?? [];
}

test('/openapi.json is an OpenAPI 3.1 document of this version', async () => {
  const { body } = await request(app)
    .get('/openapi.json')
    .expect(200)
    .expect('Content-Type', /^application\/json/);

  expect(body.openapi).toMatch(/^3\.1\./);
  expect(body.info.version).toMatch(/^\d+\.\d+\.\d+/);
});

describe('the page', () => {
  test('loads everything it names from this server, and it is all there', async () => {
    const { text } = await request(app).get('/docs').expect(200).expect('Content-Type', /html/);

    const links = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
    expect(links).toHaveLength(4);
    for (const link of links) {
      const { pathname } = new URL(link, 'http://server/docs');
      const { headers } = await request(app).get(pathname).expect(200);
      expect(Number(headers['content-length'])).toBeGreaterThan(100);
    }
    expect(outsideHosts(text)).toEqual([]);
  });

  test('has no script of its own inside, as its security policy allows none', async () => {
    const { text, headers } = await request(app).get('/docs');

    expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|\son\w+=/);
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers['content-security-policy']).not.toMatch(/script-src|https:|\*/);
  });

  test('is found with a slash at the end too', async () => {
    const { headers } = await request(app).get('/docs/').expect(308);

    expect(new URL(headers.location ?? '', 'http://server/docs/').pathname).toBe('/docs');
  });
});

test.each(Object.entries(DOCS_ASSETS))('%s is served as %s', async (name, type) => {
  const { text, headers } = await request(app).get(`/docs/${name}`).expect(200);

  expect(headers['content-type']).toContain(type);
  expect(headers['x-content-type-options']).toBe('nosniff');
  // The bundle names hosts in its texts; the security policy keeps it from asking them.
  if (/\.css$|^start/.test(name)) expect(outsideHosts(text)).toEqual([]);
});

test.each([
  '/docs/index.html',
  '/docs/package.json',
  '/docs/..%2Fpackage.json',
  '/docs/constructor',
])('%s is not served', async (address) => {
  const { body } = await request(app).get(address).expect(404);

  expect(body.code).toBe('ROUTE_NOT_FOUND');
});
