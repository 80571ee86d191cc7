import { readdirSync } from 'node:fs';
import path from 'node:path';

import request from 'supertest';

import { createBareApps } from '../support/bare-app';

const { app, close } = createBareApps();
afterAll(close);

const WEB = path.resolve(__dirname, '../../web');

/** Addresses of hosts in a text that a browser would ask. */
function outsideHosts(text: string): string[] {
  return text.match(/(?:src|href|url|import)\s*[=:(]?\s*["']?(?:https?:)?\/\/[^"')\s]+/gi) ?? [];
}

async function folderOf(address: string): Promise<string> {
  const { text } = await request(app).get(address);
  return /assets\/[0-9a-f]{16}/.exec(text)?.[0] ?? '';
}

describe.each(['/', '/docs'])('the page at %s', (address) => {
  test('loads everything it names from this server, and it is all there', async () => {
    const { text } = await request(app).get(address).expect(200).expect('Content-Type', /html/);

    const links = [...text.matchAll(/(?:src|href)="([^"]+\.\w+)"/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(4);
    for (const link of links) {
      const { pathname } = new URL(link, `http://server${address}`);
      await request(app).get(pathname).expect(200);
    }
    expect(outsideHosts(text)).toEqual([]);
  });

  test('has neither script nor style inside, as its security policy allows none', async () => {
    const { text, headers } = await request(app).get(address);

    expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=/);
    const policy = headers['content-security-policy'];
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  test('is asked for again each time, and sent again only when it has changed', async () => {
    const { headers } = await request(app).get(address).expect('Cache-Control', 'no-cache');

    const again = await request(app).get(address).set('If-None-Match', String(headers.etag));
    expect(again.status).toBe(304);
    expect(again.headers['content-security-policy']).toBe(headers['content-security-policy']);
    await request(app).get(address).set('If-None-Match', 'W/"other"').expect(200);
  });
});

test('what the pages are made of may be kept for ever, by an address that holds its hash', async () => {
  const folder = await folderOf('/');
  const { headers } = await request(app).get(`/${folder}/base/base.css`).expect(200);

  expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect(headers['x-content-type-options']).toBe('nosniff');
  const other = folder.replace(/[0-9a-f]{16}/, '0'.repeat(16));
  const { body } = await request(app).get(`/${other}/base/base.css`).expect(404);
  expect(body).toMatchObject({
    code: 'ROUTE_NOT_FOUND',
    detail: expect.stringContaining('loaded again') as string,
  });
});

test('texts are compressed for those who take it, and pictures are not', async () => {
  const folder = await folderOf('/');
  const ask = (file: string, encoding: string) =>
    request(app).get(`/${folder}/${file}`).set('Accept-Encoding', encoding).expect(200);

  const packed = await ask('base/base.css', 'gzip, br');
  const plain = await ask('base/base.css', 'identity');
  const picture = await ask('samples/cat.jpg', 'gzip');
  expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
  expect(Number(packed.headers['content-length'])).toBeLessThan(
    Number(plain.headers['content-length']) / 2,
  );
  expect(plain.headers).not.toHaveProperty('content-encoding');
  expect(picture.headers).not.toHaveProperty('content-encoding');
  // supertest inflates it.
  expect(packed.text).toBe(plain.text);
});

test('every module, style and picture of web/ is served, and asks no other host', async () => {
  const folder = await folderOf('/');
  const names = ['base', 'page', 'views', 'reference', 'samples'].flatMap((part) =>
    readdirSync(path.join(WEB, part))
      .filter((name) => /\.(js|css|svg|jpg)$/.test(name))
      .map((name) => `${part}/${name}`),
  );

  expect(names.length).toBeGreaterThan(25);
  for (const name of names) {
    const { text, headers } = await request(app).get(`/${folder}/${name}`).expect(200);
    if (/javascript|css/.test(String(headers['content-type']))) {
      expect(outsideHosts(text)).toEqual([]);
    }
  }
});

test.each([
  'page/index.html',
  'page/types.d.ts',
  'report/main.js',
  'base/..%2F..%2Fpackage.json',
  'constructor/constructor',
])('%s is not served', async (file) => {
  const { body } = await request(app)
    .get(`/${await folderOf('/')}/${file}`)
    .expect(404);

  expect(body.code).toBe('ROUTE_NOT_FOUND');
});

describe('where the option page is off', () => {
  const bare = createBareApps({ page: false });
  afterAll(bare.close);

  test.each(['/', '/docs'])('there is nothing at %s', async (address) => {
    const { body } = await request(bare.app).get(address).expect(404);

    expect(body.code).toBe('ROUTE_NOT_FOUND');
  });

  test('the parts are gone, and the document does not speak of them', async () => {
    await request(bare.app)
      .get(`/${await folderOf('/')}/base/base.css`)
      .expect(404);
    const { body } = await request(bare.app).get('/openapi.json').expect(200);

    expect(Object.keys(body.paths)).toContain('/models');
    expect(Object.keys(body.paths).filter((at) => /^\/$|docs|assets/.test(at))).toEqual([]);
  });
});
