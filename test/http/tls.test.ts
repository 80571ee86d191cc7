import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import type { IncomingMessage } from 'node:http';

import { configSchema, type Config } from '../../src/config/schema';
import { listen, type HttpServer } from '../../src/http/server';
import type { ImageUseCase } from '../../src/inference/image-inference';
import { openNetwork, type Network } from '../../src/network';
import { imageClassification } from '../../src/tasks/image-classification/task';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { createBareApps } from '../support/bare-app';
import { testBodies } from '../support/bodies';
import { TestAuthority, type Certificate } from '../support/certificates';
import { A_PHOTO } from '../support/inputs';
import { TIMINGS } from '../support/predictions';

const authority = new TestAuthority('An authority');
const stranger = new TestAuthority('Another authority');
const first = authority.issue('first');
const second = authority.issue('second');
const client = authority.issue('client');
const unknown = stranger.issue('unknown');

/** Answers at once; the model "slow" when its client has gone. */
const inference: ImageUseCase = {
  admit: () => ({ task: imageClassification, inputs: A_PHOTO }),
  answer: async ({ model, signal }) => {
    if (model === 'slow' && signal !== undefined) await once(signal, 'abort');
    return { model, version: 1, results: [], timings: TIMINGS };
  },
};

let folder: string;
let closing: (() => void)[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tls-'));
  closing = [
    () => {
      rmSync(folder, { recursive: true });
    },
  ];
});
afterEach(() => {
  for (const close of closing.reverse()) close();
});
afterAll(() => {
  authority.remove();
  stranger.remove();
});

function write({ cert, key }: Certificate): { tlsCert: string; tlsKey: string } {
  const files = { tlsCert: path.join(folder, 'cert.pem'), tlsKey: path.join(folder, 'key.pem') };
  writeFileSync(files.tlsCert, cert);
  writeFileSync(files.tlsKey, key);
  return files;
}

/** A server with the certificates of files, which it follows. */
async function serve(
  options: Partial<Config> = {},
  requestTimeoutMs = 60_000,
): Promise<{ server: HttpServer; network: Network; port: number }> {
  const metrics = createMetrics();
  const config = configSchema.parse({ ...write(first), ...options });
  const network = openNetwork(config, createLogger('silent', 'json'), metrics);
  const apps = createBareApps({
    inference,
    metrics,
    bodies: testBodies({
      maxBodyBytes: 1000,
      maxFileBytes: 1000,
      maxFiles: 1,
      maxInFlightRequests: 2,
    }),
  });
  const { tls } = network;
  const server = await listen(apps.app, {
    host: '127.0.0.1',
    port: 0,
    requestTimeoutMs,
    keepAliveTimeoutMs: 60_000,
    tls,
  });
  network.follow([server]);
  closing.push(() => {
    network.close();
    server.destroy();
    void server.close();
    apps.close();
    metrics.close();
  });
  return { server, network, port: Number(new URL(server.url).port) };
}

function open(port: number, options: ConnectionOptions = {}): TLSSocket {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.ca, ...options });
  socket.on('error', () => undefined);
  closing.push(() => socket.destroy());
  return socket;
}

const GET = 'GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n';

/** Status of one request on a connection; undefined when it is closed instead. */
async function statusOn(socket: TLSSocket, text = GET): Promise<number | undefined> {
  socket.write(text);
  const data = await new Promise<Buffer | undefined>((resolve) => {
    socket.once('data', resolve).once('close', () => {
      resolve(undefined);
    });
  });
  return data === undefined ? undefined : Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString())?.[1]);
}

/** Name of the server's certificate on a new connection. */
async function nameOn(port: number): Promise<unknown> {
  const socket = open(port);
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN;
}

test('the server speaks HTTPS, and says so in its address', async () => {
  const { server } = await serve();
  const agent = new Agent({ ca: authority.ca });

  const [response] = (await once(
    request(`${server.url}/v2/health/live`, { agent }).end(),
    'response',
  )) as [IncomingMessage];
  agent.destroy();

  expect(server.url).toMatch(/^https:/);
  expect(response.resume().statusCode).toBe(200);
});

test('certificates that change are used by the next connection, and no connection is dropped', async () => {
  const { port, network } = await serve();
  const kept = open(port);
  expect(await statusOn(kept)).toBe(200);

  write(second);
  await network.refresh();

  expect(await nameOn(port)).toBe('second');
  expect(kept.getPeerCertificate().subject.CN).toBe('first');
  expect(await statusOn(kept)).toBe(200);
});

test.each([
  ['a file that is not a certificate', () => write({ ...second, cert: 'nothing' })],
  ['the key of another certificate', () => write({ cert: second.cert, key: first.key })],
  [
    'no file',
    () => {
      rmSync(path.join(folder, 'cert.pem'));
    },
  ],
])('%s leaves the old ones in use, until it is mended', async (_what, spoil) => {
  const { port, network } = await serve();

  spoil();
  await network.refresh();
  expect(await nameOn(port)).toBe('first');

  write(second);
  await network.refresh();
  expect(await nameOn(port)).toBe('second');
});

test('with what cannot be used it does not start', () => {
  const files = write({ cert: second.cert, key: first.key });
  const config = configSchema.parse(files);
  const metrics = createMetrics();
  expect(() => openNetwork(config, createLogger('silent', 'json'), metrics)).toThrow(
    /tlsCert, tlsKey cannot be used: .*mismatch/,
  );
  metrics.close();
});

describe('client certificates', () => {
  function withClients(): ReturnType<typeof serve> {
    const tlsClientCa = path.join(folder, 'clients.pem');
    writeFileSync(tlsClientCa, authority.ca);
    return serve({ tlsClientCa });
  }

  test.each<[string, ConnectionOptions, number | undefined]>([
    ['one of the authority is let in', client, 200],
    ['one of another authority is not', unknown, undefined],
    ['none is not', {}, undefined],
  ])('%s', async (_what, options, status) => {
    const { port } = await withClients();

    expect(await statusOn(open(port, options))).toBe(status);
  });

  test('other authorities hold from the next connection on', async () => {
    const { port, network } = await withClients();
    const kept = open(port, client);
    expect(await statusOn(kept)).toBe(200);

    writeFileSync(path.join(folder, 'clients.pem'), stranger.ca);
    await network.refresh();

    expect(await statusOn(open(port, client))).toBeUndefined();
    expect(await statusOn(open(port, unknown))).toBe(200);
    expect(await statusOn(kept)).toBe(200);
  });
});

test('a client that speaks no TLS is cut without an answer', async () => {
  const { port } = await serve();
  const socket = connectPlain(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);

  socket.write(GET);
  await once(socket, 'close');

  expect(text).not.toContain('HTTP');
});

test('a client that does not agree on TLS in time is cut', async () => {
  const { port } = await serve({}, 200);
  const socket = connectPlain(port, '127.0.0.1');

  await once(socket.resume(), 'close');
});

test.each(['nothing', 'the beginning of TLS'])(
  'a connection on which %s has come does not hold up the end',
  async (what) => {
    const { server, port } = await serve({}, 1000);
    const socket = connectPlain(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    if (what !== 'nothing') socket.write(Buffer.from([22, 3, 1, 2, 0, 1]));

    await server.close();

    if (!socket.destroyed) await once(socket.resume(), 'close');
  },
);

const classify = (model: string): string =>
  `POST /models/${model}/classify HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\nx`;

test('requests that wait behind another give their places back when their client leaves', async () => {
  const { port } = await serve();
  const pipelining = open(port);
  await once(pipelining, 'secureConnect');
  pipelining.write(classify('slow') + classify('slow'));
  while ((await statusOn(open(port), classify('quick'))) !== 429);

  pipelining.destroy();

  while ((await statusOn(open(port), classify('quick'))) === 429);
  open(port).write(classify('slow'));
  expect(await statusOn(open(port), classify('quick'))).toBe(200);
});

test('a request that does not end in time is answered 408', async () => {
  const { port } = await serve({}, 1500);

  const status = await statusOn(open(port), 'GET / HTTP/1.1\r\nHost: a\r\n');

  expect(status).toBe(408);
});
