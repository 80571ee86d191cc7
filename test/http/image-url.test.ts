import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import request from 'supertest';

import { ImageFetcher, type ImageFetcherOptions } from '../../src/http/image-url/image-fetcher';
import type { ImageUseCase } from '../../src/inference/image-inference';
import type { ImageSource } from '../../src/inference/image-request';
import { ServingError } from '../../src/kernel/errors';
import { imageClassification } from '../../src/tasks/image-classification/task';
import { createBareApps } from '../support/bare-app';
import { testBodies } from '../support/bodies';
import { A_PHOTO, A_PHOTO_AND_A_STYLE } from '../support/inputs';
import { resultOf, TIMINGS } from '../support/predictions';

const MAX_BYTES = 1000;

/** Calls an image by its bytes. */
const inference: ImageUseCase = {
  admit: () => ({ task: imageClassification, inputs: A_PHOTO }),
  answer: ({ model, images }) =>
    Promise.resolve({
      model,
      version: 1,
      timings: TIMINGS,
      results: images.map((image) => resultOf(image, (bytes) => Buffer.from(bytes).toString())),
    }),
};

/** The host that images are fetched from. */
let host: Server;
let port: number;
let origin: string;
let asked: IncomingMessage[];
let reply: (request: IncomingMessage, response: ServerResponse) => void;
let close: () => void;
/** What each name leads to, in turn. */
let names: Record<string, LookupAddress[][]>;
let lookups: string[];

beforeEach(async () => {
  asked = [];
  lookups = [];
  names = { 'images.test': [[{ address: '127.0.0.1', family: 4 }]] };
  reply = (_request, response) => response.end('fetched');
  host = createServer((got, response) => {
    asked.push(got);
    reply(got, response);
  }).listen(0, '127.0.0.1');
  await once(host, 'listening');
  ({ port } = host.address() as AddressInfo);
  origin = `http://images.test:${port}`;
});
afterEach(() => {
  host.closeAllConnections();
  host.close();
  close();
});

function resolve(
  name: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
): void {
  lookups.push(name);
  const [next, ...later] = names[name] ?? [];
  if (next === undefined) done(new Error(`ENOTFOUND ${name}`), []);
  else {
    if (later.length > 0) names[name] = later;
    done(null, next);
  }
}

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly body: any;
}

/** Has the server fetch these. */
async function classify(
  body: object,
  options: Partial<ImageFetcherOptions> | 'off' = {},
  maxBytesInFlight = 2 ** 20,
  useCase = inference,
): Promise<Answer> {
  const origins = [origin];
  const fetcher =
    options === 'off'
      ? undefined
      : new ImageFetcher({
          origins,
          allowPrivate: origins,
          timeoutMs: 10_000,
          resolve,
          ...options,
        });
  const apps = createBareApps({
    inference: useCase,
    bodies: testBodies({
      maxBodyBytes: 100_000,
      maxFileBytes: MAX_BYTES,
      maxFiles: 4,
      maxBytesInFlight,
      ...(fetcher === undefined ? {} : { fetcher }),
    }),
  });
  ({ close } = apps);
  const { status, body: answered } = await request(apps.app).post('/models/m/classify').send(body);
  apps.close();
  return { status, code: String(answered.code), body: answered };
}

const image = (url: string): object => ({ image: { url } });
const labels = ({ body }: Answer): string[] =>
  body.results.map((result: any) => result.predictions?.[0].label ?? result.error.code);

test('an image is fetched, and nothing of the request is passed on', async () => {
  const answer = await classify(image(`${origin}/photo.jpg?size=1`));

  expect(labels(answer)).toEqual(['fetched']);
  expect(asked[0]?.url).toBe('/photo.jpg?size=1');
  expect(Object.keys(asked[0]?.headers ?? {}).sort()).toEqual(
    ['accept', 'accept-encoding', 'connection', 'host', 'user-agent'].sort(),
  );
});

test('images that are sent and images that are fetched keep their order, and one that fails is alone', async () => {
  reply = (got, response) => {
    response.statusCode = got.url === '/none' ? 404 : 200;
    response.end(`fetched ${got.url ?? ''}`);
  };

  const answer = await classify({
    images: [
      { url: `${origin}/1` },
      { b64: Buffer.from('sent').toString('base64') },
      { url: `${origin}/none` },
      { url: 'http://attacker.example/' },
    ],
  });

  expect(labels(answer)).toEqual([
    'fetched /1',
    'sent',
    'IMAGE_URL_FAILED',
    'IMAGE_URL_NOT_ALLOWED',
  ]);
  expect(answer.body.results[2].error.detail).toMatch(
    /cannot be fetched: it was answered with status 404/,
  );
});

test('it is off by default', async () => {
  const { status, code, body } = await classify(image(origin), 'off');

  expect([status, code]).toEqual([403, 'IMAGE_URL_NOT_ALLOWED']);
  expect(body.detail).toContain('imageUrlOrigins');
  expect(asked).toEqual([]);
});

test.each([
  ['another origin', () => 'http://attacker.example/'],
  ['another port', () => `http://images.test:${port + 1}/`],
  ['a user name', () => origin.replace('//', '//user:secret@')],
  ['another scheme', () => 'file:///etc/passwd'],
])('%s is not fetched, nor looked up', async (_what, url) => {
  const { status, code, body } = await classify(image(url()));

  expect([status, code]).toEqual([403, 'IMAGE_URL_NOT_ALLOWED']);
  expect(JSON.stringify(body)).not.toContain('secret');
  expect(lookups).toEqual([]);
});

test.each([
  ['no address', 'photo.jpg'],
  ['one that is too long', `http://images.test/${'a'.repeat(3000)}`],
])('%s is a bad request', async (_what, url) => {
  expect((await classify(image(url))).code).toBe('BAD_REQUEST');
});

describe('addresses that are not public', () => {
  test.each<[string, LookupAddress[]]>([
    ['loopback', [{ address: '127.0.0.1', family: 4 }]],
    ['metadata of a cloud', [{ address: '169.254.169.254', family: 4 }]],
    ['private', [{ address: '10.0.0.1', family: 4 }]],
    ['IPv4 inside IPv6', [{ address: '::ffff:127.0.0.1', family: 6 }]],
    [
      'a public one beside a private one',
      [
        { address: '93.184.216.34', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ],
    ],
  ])('behind a name: %s', async (_what, addresses) => {
    names['images.test'] = [addresses];

    const { status, code } = await classify(image(origin), { allowPrivate: [] });

    expect([status, code]).toEqual([403, 'IMAGE_URL_NOT_ALLOWED']);
    expect(asked).toEqual([]);
  });

  test.each(['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1', 'localhost.'])(
    'in the place of a name: %s',
    async (name) => {
      names['localhost.'] = [[{ address: '127.0.0.1', family: 4 }]];
      const origins = [`http://${name}:${port}`];

      const { code } = await classify(image(`http://${name}:${port}/`), {
        origins,
        allowPrivate: [],
      });

      expect(code).toBe('IMAGE_URL_NOT_ALLOWED');
      expect(asked).toEqual([]);
    },
  );

  test('a name that is public when it is checked and private afterwards is asked for once', async () => {
    names['images.test'] = [
      [{ address: '93.184.216.34', family: 4 }],
      [{ address: '127.0.0.1', family: 4 }],
    ];

    const { code } = await classify(image(origin), { allowPrivate: [], timeoutMs: 300 });

    expect(lookups).toEqual(['images.test']);
    expect(code).toBe('IMAGE_URL_FAILED');
    expect(asked).toEqual([]);
  });
});

describe('redirects', () => {
  const lead = (to: (path: string) => string | undefined): void => {
    reply = (got, response) => {
      const location = to(got.url ?? '');
      if (location === undefined) response.end(`at ${got.url ?? ''}`);
      else response.writeHead(302, { location }).end('moved');
    };
  };

  test('are followed, relative ones too', async () => {
    lead((path) => ({ '/1': '/2', '/2': `${origin}/3` })[path]);

    expect(labels(await classify(image(`${origin}/1`)))).toEqual(['at /3']);
  });

  test('out of what is allowed they are not', async () => {
    lead(() => `http://127.0.0.1:${port}/`);

    expect((await classify(image(origin))).code).toBe('IMAGE_URL_NOT_ALLOWED');
    expect(asked).toHaveLength(1);
  });

  test('to where only another origin may be private they are not', async () => {
    names['public.test'] = [[{ address: '127.0.0.1', family: 4 }]];
    const other = `http://public.test:${port}`;
    lead((path) => (path === '/1' ? `${other}/2` : undefined));

    const answer = await classify(image(`${origin}/1`), { origins: [origin, other] });

    expect(answer.code).toBe('IMAGE_URL_NOT_ALLOWED');
    expect(asked).toHaveLength(1);
  });

  test('without end they end', async () => {
    lead(() => '/again');

    const { code, body } = await classify(image(origin));

    expect(code).toBe('IMAGE_URL_FAILED');
    expect(body.detail).toContain('more than 3 times');
    expect(asked).toHaveLength(4);
  });
});

describe('limits', () => {
  test.each([
    ['that says how long it is', true],
    ['that does not', false],
  ])('an image over the limit, %s, is not read to its end', async (_what, announced) => {
    reply = (_got, response) => {
      if (announced) response.setHeader('Content-Length', '100000000');
      response.write(Buffer.alloc(MAX_BYTES + 1));
    };

    const { status, code } = await classify(image(origin));

    expect([status, code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
  });

  test('one that is too slow is given up', async () => {
    reply = (_got, response) => response.write('a');

    const { code, body } = await classify(image(origin), { timeoutMs: 200 });

    expect(code).toBe('IMAGE_URL_FAILED');
    expect(body.detail).toContain('longer than 200 ms');
  });

  test('bytes that do not fit into what all requests may hold refuse the request', async () => {
    reply = (_got, response) => response.end(Buffer.alloc(900));

    const { status, code } = await classify(image(origin), {}, 600);

    expect([status, code]).toEqual([429, 'OVERLOADED']);
  });

  test.each([
    [
      'that breaks off',
      (response: ServerResponse) => {
        response.writeHead(200, { 'Content-Length': '100' });
        response.write('half', () => response.destroy());
      },
    ],
    [
      'that is compressed',
      (response: ServerResponse) => {
        response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('x');
      },
    ],
    ['that is empty', (response: ServerResponse) => response.end()],
    ['that is no HTTP', (response: ServerResponse) => response.socket?.end('nothing\r\n\r\n')],
  ])('an answer %s fails its image', async (_what, answer) => {
    reply = (_got, response) => {
      answer(response);
    };

    expect((await classify(image(origin))).code).toBe('IMAGE_URL_FAILED');
  });

  test('a host that is not there fails its image', async () => {
    host.closeAllConnections();
    host.close();

    expect((await classify(image(origin))).code).toBe('IMAGE_URL_FAILED');
  });

  test('when the client leaves, nothing is fetched for it any more', async () => {
    let gone: Promise<unknown> | undefined;
    reply = (_got, response) => {
      gone = once(response, 'close');
      response.write('a');
    };
    const origins = [origin];
    const fetcher = new ImageFetcher({
      origins,
      allowPrivate: origins,
      timeoutMs: 60_000,
      resolve,
    });
    const bodies = testBodies({ maxBodyBytes: 1000, maxFileBytes: 1000, maxFiles: 1, fetcher });
    const apps = createBareApps({ inference, bodies });
    ({ close } = apps);

    const server = apps.app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    const leaving = new AbortController();
    const sending = fetch(`${address}/models/m/classify`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(image(origin)),
      signal: leaving.signal,
    }).then(
      () => 'answered',
      () => 'left',
    );
    while (gone === undefined) await new Promise((later) => setImmediate(later));
    leaving.abort();

    await gone;
    expect(await sending).toBe('left');
    server.closeAllConnections();
    server.close();
  });
});

test.each([
  ['both', { image: { url: 'http://a/', b64: '' } }, /has both "b64" and "url"/],
  ['a number', { image: { url: 1 } }, /"image.url" in the JSON body is not a string/],
])('%s is told what is wrong', async (_what, body, detail) => {
  const answer = await classify(body);

  expect(answer.status).toBe(400);
  expect(answer.body.detail).toMatch(detail);
});

describe('a model that takes a style picture besides', () => {
  /** Calls an image by its bytes and those of its styles. */
  const styled: ImageUseCase = {
    admit: () => ({ task: imageClassification, inputs: A_PHOTO_AND_A_STYLE }),
    answer: ({ model, images, more }) => {
      const text = (one: ImageSource): string =>
        one instanceof ServingError ? one.code : Buffer.from(one).toString();
      const styles = (more?.pictures.get('style') ?? []).map(text).join(',');
      return Promise.resolve({
        model,
        version: 1,
        timings: TIMINGS,
        results: images.map((one) => resultOf(one, (bytes) => `${text(bytes)} + ${styles}`)),
      });
    },
  };
  const stylize = (body: object, options: Partial<ImageFetcherOptions> | 'off' = {}) =>
    classify(body, options, 2 ** 20, styled);
  const sent = { b64: Buffer.from('sent').toString('base64') };
  const at = (path: string): object => ({ url: `${origin}${path}` });

  beforeEach(() => {
    reply = (got, response) => response.end(got.url);
  });

  test('upload and style are fetched, each for its own place', async () => {
    const answer = await stylize({ images: [at('/1'), sent], style: [sent, at('/3')] });

    expect(labels(answer)).toEqual(['/1 + sent,/3', 'sent + sent,/3']);
    expect(asked).toHaveLength(2);
  });

  test('a style that may not be fetched, and a server that fetches none', async () => {
    const other = await stylize({ image: sent, style: { url: 'http://attacker.example/' } });
    const none = await stylize({ image: sent, style: at('/1') }, 'off');

    expect(labels(other)).toEqual(['sent + IMAGE_URL_NOT_ALLOWED']);
    expect(labels(none)).toEqual(['sent + IMAGE_URL_NOT_ALLOWED']);
    expect(asked).toEqual([]);
  });

  test('a style over the limit of a file', async () => {
    reply = (_got, response) => response.end('x'.repeat(MAX_BYTES + 1));
    const answer = await stylize({ image: sent, style: at('/1') });

    expect(labels(answer)).toEqual(['sent + PAYLOAD_TOO_LARGE']);
  });

  test('more images than are allowed are refused before any is fetched', async () => {
    const answer = await stylize({ image: at('/1'), style: Array<object>(4).fill(at('/2')) });

    expect(answer).toMatchObject({ status: 413, code: 'TOO_MANY_IMAGES' });
    expect(asked).toEqual([]);
  });

  test('an address that is not text', async () => {
    const answer = await stylize({ image: sent, style: { url: 1 } });

    expect(answer.status).toBe(400);
    expect(answer.body.detail).toMatch(/"style.url" in the JSON body is not a string; .*"url"/);
  });
});
