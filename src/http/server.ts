import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { continueInTurn } from './continue-in-turn';
import { refuseMalformed } from './malformed-requests';

/** Milliseconds in which the head of a request must have come. */
const HEADERS_TIMEOUT_MS = 10_000;

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  /** Milliseconds a client may take to send a request. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

export interface HttpServer {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /**
   * From now on every answer closes its connection, those included that are being made. New
   * connections are still taken.
   */
  drain(): void;
  /** Takes no new connections; resolves when all requests have been answered. */
  close(): Promise<void>;
  /** Cuts every connection. */
  destroy(): void;
}

/** Milliseconds that a connection may wait for its first byte when the server closes. */
const SILENCE_MS = 1500;

/** Milliseconds that waiting connections are still accepted for when the server closes, at most. */
const ACCEPT_MS = 1000;
const QUIET_MS = 50;

/** @throws Error such as EADDRINUSE */
export async function listen(app: RequestListener, options: ServerOptions): Promise<HttpServer> {
  const unanswered = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  let accepted = 0;
  let draining = false;
  let closing = false;
  /** Requests that wait until the port is closed. */
  let held: (() => void)[] | undefined;
  const server = createServer(
    {
      requestTimeout: options.requestTimeoutMs,
      headersTimeout: Math.min(options.requestTimeoutMs, HEADERS_TIMEOUT_MS),
      // Node looks every half minute by default.
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: options.keepAliveTimeoutMs,
    },
    (request, response) => {
      unanswered.add(response);
      if (draining) closeAfter(response);
      response.once('close', () => {
        unanswered.delete(response);
        // Kept alive, the connection of the last answer would hold up the end.
        if (closing)
          setImmediate(() => {
            server.closeIdleConnections();
          });
      });
      if (held === undefined) app(request, response);
      else {
        held.push(() => {
          app(request, response);
        });
      }
    },
  );
  continueInTurn(server);
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('clientError', (error, socket) => {
    const othersTurn = [...unanswered].some(
      ({ req, headersSent }) => req.socket === socket && (headersSent || req.complete),
    );
    refuseMalformed(error, socket, othersTurn);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const drain = (): void => {
    draining = true;
    for (const response of unanswered) closeAfter(response);
  };
  return {
    url: urlOf(server),
    drain,
    close: async () => {
      drain();
      // Turns are short while nothing is worked on, and clients that wait make no connections.
      held = [];
      await untilNoneWaits(() => accepted);
      closing = true;
      // To Node a connection without a byte is not idle.
      const silence = setTimeout(() => {
        // What has come in the meantime is read first: on a busy machine the timer is late.
        setImmediate(() => {
          setImmediate(() => {
            for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
          });
        });
      }, SILENCE_MS);
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeIdleConnections();
        const waiting = held ?? [];
        held = undefined;
        for (const answer of waiting) answer();
      });
      clearTimeout(silence);
    },
    destroy: () => {
      server.closeAllConnections();
    },
  };
}

/**
 * A listening socket that is closed resets the connections that wait to be accepted, one of which
 * is taken in each turn of the event loop. Resolves once none has come for a while: clients that have just
 * been answered need some milliseconds to come again.
 */
async function untilNoneWaits(accepted: () => number): Promise<void> {
  const end = performance.now() + ACCEPT_MS;
  let quietSince = performance.now();
  for (let now = quietSince; now < end && now - quietSince < QUIET_MS; now = performance.now()) {
    const before = accepted();
    await new Promise((resolve) => setImmediate(resolve));
    if (accepted() !== before) quietSince = performance.now();
  }
}

/** A client that would use the connection again learns from the answer that it cannot. */
function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
