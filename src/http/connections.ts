import type { Server as PlainServer } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

interface Connection {
  readonly socket: Socket;
  /** Whether requests can come on it. */
  readonly agreed: boolean;
  /** When it was made or has agreed, by performance.now(). */
  readonly since: number;
}

/** The connections of a server, as they come: those that have still to agree on TLS as well. */
export class Connections {
  /** By the address of the client; with TLS what is inside takes the place of what is around it. */
  readonly #connections = new Map<string, Connection>();
  readonly #agreed = new WeakSet<Duplex>();
  #accepted = 0;

  constructor(server: PlainServer | SecureServer, secure: boolean) {
    const put = (socket: Socket, agreed: boolean): void => {
      const client = `${socket.remoteAddress ?? ''} ${socket.remotePort ?? ''}`;
      this.#connections.set(client, { socket, agreed, since: performance.now() });
      if (agreed) this.#agreed.add(socket);
      socket.once('close', () => {
        if (this.#connections.get(client)?.socket === socket) this.#connections.delete(client);
      });
    };
    server.on('connection', (socket: Socket) => {
      this.#accepted += 1;
      put(socket, !secure);
    });
    server.on('secureConnection', (socket: Socket) => {
      put(socket, true);
    });
  }

  /** How many there have been. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Whether requests can come on it: false while it agrees on TLS, or where it could not. */
  hasAgreed(socket: Duplex): boolean {
    return this.#agreed.has(socket);
  }

  /**
   * Cuts those on which nothing has come for so long since they were made, or since they have agreed on TLS:
   * to Node they are not idle. Where agreeing has begun, it has a time-out of its own: on a busy machine many
   * of them take long.
   */
  cutSilent(ms: number): void {
    const now = performance.now();
    for (const { socket, since } of this.#connections.values()) {
      if (socket.bytesRead === 0 && now - since >= ms) socket.destroy();
    }
  }

  /** Cuts those that have still to agree on TLS, which Node leaves open. */
  cutUnagreed(): void {
    for (const { socket, agreed } of this.#connections.values()) if (!agreed) socket.destroy();
  }
}
