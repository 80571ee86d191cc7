import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

import { ServingClient } from '../../src/client';

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Reply = (response: ServerResponse) => void;

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Reply =>
  (response) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
const hangUp: Reply = (response) => {
  response.socket?.destroy();
};
const hangUpHalfway: Reply = (response) => {
  response.writeHead(200, { 'Content-Length': '1000' });
  response.write('{"models":');
  setImmediate(() => response.socket?.destroy());
};
const stayAway: Reply = () => undefined;

const MODELS = json(200, { models: [] }, { 'X-Request-Id': 'r-1' });
const OVERLOADED = json(
  429,
  { code: 'OVERLOADED', detail: 'The queue is full', retriable: true },
  { 'Retry-After': '0', 'X-Request-Id': 'r-2' },
);

let server: Server;
let url: string;
let received: Received[];
/** Answers to come, in order; the last is given again. */
let replies: Reply[];

const listener: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method, url: address, headers } = request;
    received.push({ method, url: address, headers, body: Buffer.concat(chunks) });
    const reply = replies.length > 1 ? replies.shift() : replies[0];
    reply?.(response);
  });
};

beforeEach(async () => {
  received = [];
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

function client(options: ConstructorParameters<typeof ServingClient>[1] = {}): ServingClient {
  return new ServingClient(url, { baseDelayMs: 1, ...options });
}

describe('what is tried again', () => {
  test.each([
    ['429', OVERLOADED],
    ['503', json(503, { error: 'not yet' })],
    ['a connection that is closed', hangUp],
    ['a connection that is lost within the answer', hangUpHalfway],
  ])('%s, until it works', async (_what, failure) => {
    replies = [failure, failure, MODELS];

    await expect(client().models()).resolves.toEqual([]);

    expect(received).toHaveLength(3);
  });

  test('not longer than the retries of the client, or of the call', async () => {
    replies = [OVERLOADED];

    await expect(client({ retries: 2 }).models()).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(received).toHaveLength(3);
    await expect(client({ retries: 2 }).models({ retries: 0 })).rejects.toThrow('queue is full');
    expect(received).toHaveLength(4);
  });

  test('images are sent whole each time', async () => {
    const answer = { model: 'm', version: 1, timings: {}, results: [{ predictions: [] }] };
    replies = [hangUp, OVERLOADED, json(200, answer)];

    await client().classify(Buffer.from('a picture'), { model: 'm' });

    expect(received.map(({ body }) => body.toString())).toEqual(Array(3).fill('a picture'));
  });

  test('an error of the request is thrown at once', async () => {
    replies = [json(400, { error: 'bad shape' }, { 'X-Error-Code': 'INVALID_INPUT' }), MODELS];

    await expect(client().models()).rejects.toThrow('bad shape');

    expect(received).toHaveLength(1);
  });

  test('loading and unloading are not: the first may have been done', async () => {
    replies = [hangUp];

    await expect(client().load('m')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
    await expect(client().unload('m')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });

    expect(received.map(({ url: address }) => address)).toEqual([
      '/v2/repository/models/m/load',
      '/v2/repository/models/m/unload',
    ]);
  });

  test('not when the server wants more time than is left', async () => {
    replies = [json(503, { error: 'later' }, { 'Retry-After': '3600' })];

    await expect(client().models()).rejects.toMatchObject({
      status: 503,
      retryAfterMs: 3_600_000,
    });

    expect(received).toHaveLength(1);
  });
});

describe('errors', () => {
  test('problem details give code, status, request id and whether it may pass', async () => {
    replies = [OVERLOADED];

    await expect(client({ retries: 0 }).models()).rejects.toMatchObject({
      name: 'ServingClientError',
      message: 'The queue is full',
      code: 'OVERLOADED',
      status: 429,
      requestId: 'r-2',
      retriable: true,
      retryAfterMs: 0,
    });
  });

  test('a protocol error has its code from the header', async () => {
    replies = [json(404, { error: 'no model' }, { 'X-Error-Code': 'MODEL_NOT_FOUND' })];

    await expect(client().ready({ model: 'm' })).rejects.toMatchObject({
      message: 'no model',
      code: 'MODEL_NOT_FOUND',
      status: 404,
      retriable: false,
    });
  });

  test('a page of a proxy is HTTP_ERROR, with its beginning', async () => {
    replies = [
      (response) => {
        response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>Bad gateway</h1>');
      },
    ];

    await expect(client().models()).rejects.toMatchObject({
      code: 'HTTP_ERROR',
      status: 502,
      message: '502 Bad Gateway: <h1>Bad gateway</h1>',
    });
  });

  test('an answer that is not JSON is INVALID_RESPONSE', async () => {
    replies = [(response) => response.end('<html>')];

    await expect(client().models()).rejects.toMatchObject({
      code: 'INVALID_RESPONSE',
      status: 200,
    });
  });

  test('so are tensors as text, and pictures that are cut', async () => {
    const tensors = { model_name: 'm', outputs: [{ name: 'y', shape: [1], datatype: 'FP32' }] };
    replies = [json(200, tensors), (response) => response.end('--b\r\nContent-Type: image/png')];
    const image = new Uint8Array([1]);

    const predicted = client().predict({}, { model: 'm' });
    await expect(predicted).rejects.toThrow('output "y" came without its bytes');
    const generated = client().generate([image, image], { model: 'm' });
    await expect(generated).rejects.toMatchObject({ code: 'INVALID_RESPONSE' });
  });

  test('where nobody listens it is CONNECTION_FAILED with the reason', async () => {
    server.close();
    await once(server, 'close');

    await expect(client({ retries: 1 }).models()).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      status: undefined,
      retriable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await expect(client().live()).resolves.toBe(false);
  });
});

describe('the end of a call', () => {
  test('comes with its time-out, which counts all attempts', async () => {
    replies = [hangUp, stayAway];

    await expect(client({ timeoutMs: 50 }).models()).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'No answer within 50 ms',
    });

    expect(received).toHaveLength(2);
  });

  test('comes with its signal, with the reason of it', async () => {
    replies = [stayAway];
    const controller = new AbortController();
    const reason = new Error('the user went away');

    const call = client().models({ signal: controller.signal });
    await once(server, 'request');
    controller.abort(reason);

    await expect(call).rejects.toBe(reason);
  });

  test('comes in a pause too', async () => {
    replies = [OVERLOADED];
    const controller = new AbortController();
    const call = client({ baseDelayMs: 60_000, maxDelayMs: 60_000, timeoutMs: 600_000 }).models({
      signal: controller.signal,
    });
    server.once('request', (_request, response: ServerResponse) => {
      response.once('close', () => {
        controller.abort();
      });
    });

    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('has come before the start for a signal that is aborted', async () => {
    replies = [MODELS];

    const call = client().models({ signal: AbortSignal.abort() });

    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(received).toEqual([]);
  });
});

describe('what is sent', () => {
  test('the path of the address is kept, names are escaped, headers are added', async () => {
    replies = [
      json(200, { model: 'a/b', version: 2, timings: {}, results: [{ predictions: [] }] }),
    ];
    const api = new ServingClient(`${url}/behind/a/proxy/`, { headers: { Authorization: 'me' } });

    await api.classify(new Uint8Array([1]), {
      model: 'a/b',
      version: 2,
      top: 7,
      requestId: 'mine',
      headers: { 'X-Tenant': 't' },
    });

    expect(received[0]).toMatchObject({
      method: 'POST',
      url: '/behind/a/proxy/models/a%2Fb/versions/2/classify?top=7',
      headers: {
        authorization: 'me',
        'x-tenant': 't',
        'x-request-id': 'mine',
        'content-type': 'application/octet-stream',
      },
    });
  });

  test('an address that is none is refused when the client is made', () => {
    expect(() => new ServingClient('localhost')).toThrow('Invalid URL');
  });

  test('requests go through the fetch that is given', async () => {
    const asked: unknown[] = [];
    const api = new ServingClient('http://nowhere.invalid', {
      fetch: (address) => {
        asked.push(address);
        return Promise.resolve(new Response('{"models":[]}'));
      },
    });

    await api.models();

    expect(asked).toEqual(['http://nowhere.invalid/models']);
  });
});
