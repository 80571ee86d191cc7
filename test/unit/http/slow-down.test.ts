import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import express from 'express';

import { slowDown } from '../../../src/http/middleware/slow-down';

let server: Server | undefined;

afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** Sends a request that is refused. @returns the server's end of its connection */
async function refusedSocket(headers: Record<string, string>): Promise<Socket> {
  const app = express();
  const seen = new Promise<Socket>((resolve) => {
    app.post('/', (request, response) => {
      slowDown(request, response);
      response.once('close', () => {
        resolve(request.socket);
      });
      response.status(429).end();
    });
  });
  const started = createServer(app).listen(0, '127.0.0.1');
  server = started;
  await new Promise((resolve) => started.once('listening', resolve));
  const { port } = started.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers });
  expect(answer.status).toBe(429);
  return seen;
}

test('what a refused client sends next is not read at once', async () => {
  const socket = await refusedSocket({});

  expect(socket.isPaused()).toBe(true);
});

test.each(['X-Forwarded-For', 'Forwarded', 'Via'])(
  'a connection that a proxy shares between clients (%s) is read on',
  async (header) => {
    const socket = await refusedSocket({ [header]: '192.0.2.1' });

    expect(socket.isPaused()).toBe(false);
  },
);
