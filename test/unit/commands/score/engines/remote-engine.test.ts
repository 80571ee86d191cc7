import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { EngineResult, ScoringEngine } from '../../../../../src/commands/score/engines/engine';
import { remoteEngine } from '../../../../../src/commands/score/engines/remote-engine';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const CAT = { answer: { data: { predictions: [{ label: 'cat' }] } } };

type Classify = (response: ServerResponse, call: number) => void;

/** A server of one model, whose answers to images are given. */
async function serve(classify: Classify, version = 1): Promise<string> {
  let calls = 0;
  const server = createServer((request: IncomingMessage, response) => {
    request.resume();
    request.once('end', () => {
      if (request.method === 'POST') classify(response, calls++);
      else json(response, 200, details(version));
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function details(version: number): object {
  return {
    name: 'm',
    ready: true,
    problems: [],
    versions: [{ version, state: 'AVAILABLE', ready: true }],
    servable: { version, task: 'image-classification' },
  };
}

function json(response: ServerResponse, status: number, body: object, headers = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function answer(response: ServerResponse, label = 'cat'): void {
  const timings = { preprocessMs: 1, queueMs: 2, inferMs: 3, postprocessMs: 4 };
  const predictions = [{ label, index: 1, score: 0.5 }];
  json(response, 200, { model: 'm', version: 1, timings, results: [{ predictions }] });
}

function problem(response: ServerResponse, status: number, code: string, headers = {}): void {
  const retriable = status === 429 || status === 503;
  json(response, status, { title: code, detail: code, status, code, retriable }, headers);
}

function engineOf(urls: readonly string[], patienceMs = 60_000): Promise<ScoringEngine> {
  const request = { parameters: {}, format: 'png', quality: undefined } as const;
  return remoteEngine({ servers: urls, model: 'm', version: undefined, request, patienceMs });
}

async function score(engine: ScoringEngine): Promise<unknown> {
  return engine.score(Buffer.from('image'), new AbortController().signal);
}

test('servers are asked in turn', async () => {
  const urls = [
    await serve((response) => {
      answer(response, 'first');
    }),
    await serve((response) => {
      answer(response, 'second');
    }),
  ];
  const engine = await engineOf(urls);

  const labels = [];
  for (let i = 0; i < 4; i++) labels.push(await score(engine));

  expect(labels.map((result) => (result as EngineResult).answer.data.predictions)).toEqual(
    ['first', 'second', 'first', 'second'].map((label) => [{ label, index: 1, score: 0.5 }]),
  );
  expect(engine).toMatchObject({
    version: '1',
    task: { name: 'image-classification' },
    concurrency: 32,
  });
});

test.each<[string, Classify]>([
  [
    '429',
    (response) => {
      problem(response, 429, 'OVERLOADED', { 'Retry-After': '0' });
    },
  ],
  [
    '503',
    (response) => {
      problem(response, 503, 'DRAINING');
    },
  ],
  ['a lost connection', (response) => response.destroy()],
])('after %s it is tried again', async (_what, refuse) => {
  const url = await serve((response, call) => {
    if (call < 2) refuse(response, call);
    else answer(response);
  });

  expect(await score(await engineOf([url]))).toMatchObject(CAT);
});

test('Retry-After is waited for where there is one server, and goes elsewhere where there are two', async () => {
  const refusing = await serve((response) => {
    problem(response, 429, 'OVERLOADED', { 'Retry-After': '3600' });
  });
  const willing = await serve((response) => {
    answer(response);
  });

  expect(await score(await engineOf([refusing, willing]))).toMatchObject(CAT);
});

test('what is wrong with the image is its own fault, at once', async () => {
  let calls = 0;
  const url = await serve((response) => {
    calls += 1;
    problem(response, 422, 'UNDECODABLE_IMAGE');
  });

  await expect(score(await engineOf([url]))).rejects.toMatchObject({
    name: 'ImageFault',
    code: 'UNDECODABLE_IMAGE',
  });
  expect(calls).toBe(1);
});

test('a model that is gone ends the run', async () => {
  const url = await serve((response) => {
    problem(response, 404, 'MODEL_NOT_FOUND');
  });

  await expect(score(await engineOf([url]))).rejects.toMatchObject({ reason: 'engineFailed' });
});

test('servers that stay silent end the run', async () => {
  const url = await serve((response) => response.destroy());

  await expect(score(await engineOf([url], 1))).rejects.toMatchObject({ reason: 'engineFailed' });
});

test('servers of different versions are not mixed', async () => {
  const willing: Classify = (response) => {
    answer(response);
  };
  const urls = [await serve(willing), await serve(willing, 2)];

  await expect(engineOf(urls)).rejects.toThrow('choose one with --model-version');
});

test('no server is an error before anything is scored', async () => {
  await expect(engineOf(['http://127.0.0.1:9'])).rejects.toMatchObject({ reason: 'engineFailed' });
});
