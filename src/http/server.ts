import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

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
  /** Takes no new connections; resolves when all requests have been answered. */
  close(): Promise<void>;
  /** Cuts every connection. */
  destroy(): void;
}

/** @throws Error such as EADDRINUSE */
export async function listen(app: RequestListener, options: ServerOptions): Promise<HttpServer> {
  const server = createServer(
    {
      requestTimeout: options.requestTimeoutMs,
      headersTimeout: Math.min(options.requestTimeoutMs, HEADERS_TIMEOUT_MS),
      // Node looks every half minute by default.
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: options.keepAliveTimeoutMs,
    },
    app,
  );
  let closing = false;
  server.on('request', (_request, response) => {
    response.once('close', () => {
      // Kept alive, the connection of the last answer would hold up the end.
      if (closing)
        setImmediate(() => {
          server.closeIdleConnections();
        });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    url: urlOf(server),
    close: () =>
      new Promise((resolve) => {
        closing = true;
        server.close(() => {
          resolve();
        });
        server.closeIdleConnections();
      }),
    destroy: () => {
      server.closeAllConnections();
    },
  };
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
