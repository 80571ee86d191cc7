import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

import type { ImageUseCase } from '../../src/inference/image-inference';
import { imageClassification } from '../../src/tasks/image-classification/task';
import { createBareApps } from '../support/bare-app';
import { testBodies } from '../support/bodies';
import { TIMINGS } from '../support/predictions';
import { A_PHOTO } from '../support/inputs';

const LIMITS = { maxBodyBytes: 1000, maxFileBytes: 1000, maxFiles: 1, maxInFlightRequests: 2 };

/** Answers at once; the model "slow" when its client has gone. */
const inference: ImageUseCase = {
  admit: () => ({ task: imageClassification, inputs: A_PHOTO }),
  answer: async ({ model, signal }) => {
    if (model === 'slow' && signal !== undefined) await once(signal, 'abort');
    return { model, version: 1, results: [], timings: TIMINGS };
  },
};

let apps: ReturnType<typeof createBareApps>;
let server: Server;
let sockets: Socket[];

beforeEach(async () => {
  apps = createBareApps({ inference, bodies: testBodies(LIMITS) });
  sockets = [];
  server = apps.app.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
  apps.close();
});

function open(): Socket {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  return socket;
}

function classify(model: string): string {
  const head = `POST /models/${model}/classify HTTP/1.1\r\nHost: test\r\nContent-Type: image/png`;
  return `${head}\r\nContent-Length: 1\r\n\r\nx`;
}

/** Statuses on a connection, when there are so many. */
async function statuses(socket: Socket, count: number): Promise<number[]> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    const found = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
    if (found.length >= count) return found;
  }
  throw new Error(`The connection was closed after ${text}`);
}

/** On a connection of its own: one that was refused is not read for a while. */
async function status(): Promise<number | undefined> {
  const socket = open();
  socket.write(classify('quick'));
  const [only] = await statuses(socket, 1);
  return only;
}

test.each([
  ['answered', 'quick'],
  ['being worked on', 'slow'],
])(
  'a request that is %s behind another gives its place back when its client leaves',
  async (_what, second) => {
    const pipelining = open();
    pipelining.write(classify('slow') + classify(second));
    while ((await status()) !== 429);

    pipelining.resetAndDestroy();

    // The first of them has given its place back when this ends.
    while ((await status()) === 429);
    open().write(classify('slow'));
    expect([await status(), await status()]).toEqual([200, 200]);
  },
);

test.each([
  ['an address that is not there', 'GET /nothing'],
  ['a method that is not allowed', 'DELETE /models/quick/classify'],
  ['a model that is not there, as the protocols have it', 'GET /v2/models/missing'],
])('%s, without a body, does not cost the connection', async (_what, line) => {
  const socket = open();

  socket.write(`${line} HTTP/1.1\r\nHost: test\r\n\r\n${classify('quick')}`);

  const [refused, answered] = await statuses(socket, 2);
  expect(refused).toBeGreaterThanOrEqual(404);
  expect(answered).toBe(200);
});
