import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { Connections } from './connections';
import { continueInTurn } from './continue-in-turn';
import { refuseMalformed } from './malformed-requests';
import { secureOptions, type TlsSettings } from './tls';

/** Milliseconds in which the head of a request must have come. */
const HEADERS_TIMEOUT_MS = 10_000;

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  /** Milliseconds a client may take to send a request. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** Undefined: it speaks plain HTTP. */
  readonly tls?: TlsSettings | undefined;
}

export interface HttpServer {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /**
   * Uses other certificates from the next connection on; those that there are go on.
   * @throws Error when they cannot be used, or the server speaks no TLS; then nothing changes
   */
  renewTls(tls: TlsSettings): void;
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
const ACCEPT_MS = 5000;
const QUIET_MS = 50;

/** @throws Error such as EADDRINUSE, or about `tls` */
export async function listen(app: RequestListener, options: ServerOptions): Promise<HttpServer> {
  const unanswered = new Set<ServerResponse>();
  let draining = false;
  let closing = false;
  /** Requests that wait until the port is closed. */
  let held: (() => void)[] | undefined;
  const headersTimeout = Math.min(options.requestTimeoutMs, HEADERS_TIMEOUT_MS);
  const timeouts = {
    requestTimeout: options.requestTimeoutMs,
    headersTimeout,
    // Node looks every half minute by default.
    connectionsCheckingInterval: 1000,
    keepAliveTimeout: options.keepAliveTimeoutMs,
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
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
  };
  const secure =
    options.tls === undefined
      ? undefined
      : createSecureServer(
          // Agreeing on TLS may take as long as the head of a request.
          { ...timeouts, ...secureOptions(options.tls), handshakeTimeout: headersTimeout },
          answer,
        );
  const server: Server | SecureServer = secure ?? createServer(timeouts, answer);
  continueInTurn(server);
  const connections = new Connections(server, secure !== undefined);
  server.on('clientError', (error: Error, socket: Duplex) => {
    // An answer would not be read by who speaks no TLS, or none that is accepted.
    if (!connections.hasAgreed(socket)) {
      socket.destroy();
      return;
    }
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
    url: urlOf(server, secure === undefined ? 'http' : 'https'),
    renewTls: (tls) => {
      if (secure === undefined) throw new Error('the server speaks no TLS');
      secure.setSecureContext(secureOptions(tls));
    },
    drain,
    close: async () => {
      drain();
      // Turns are short while nothing is worked on, and clients that wait make no connections.
      held = [];
      await untilNoneWaits(() => connections.accepted);
      closing = true;
      const silence = setInterval(() => {
        // What has come in the meantime is read first: on a busy machine the timer is late.
        setImmediate(() => {
          setImmediate(() => {
            connections.cutSilent(SILENCE_MS);
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
      clearInterval(silence);
    },
    destroy: () => {
      server.closeAllConnections();
      connections.cutUnagreed();
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

function urlOf(server: Server | SecureServer, scheme: 'http' | 'https'): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
