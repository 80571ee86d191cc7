import type { Server as PlainServer } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** The connections of a server, as they come: those that have still to agree on TLS as well. */
export class Connections {
  /** By the address of the client; with TLS what is inside takes the place of what is around it. */
  readonly #sockets = new Map<string, { readonly socket: Socket; readonly agreed: boolean }>();
  readonly #agreed = new WeakSet<Duplex>();
  #accepted = 0;

  constructor(server: PlainServer | SecureServer, secure: boolean) {
    const put = (socket: Socket, agreed: boolean): void => {
      const client = `${socket.remoteAddress ?? ''} ${socket.remotePort ?? ''}`;
      this.#sockets.set(client, { socket, agreed });
      if (agreed) this.#agreed.add(socket);
      socket.once('close', () => {
        if (this.#sockets.get(client)?.socket === socket) this.#sockets.delete(client);
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

  /** Cuts those on which no byte of a request has come: to Node they are not idle. */
  cutSilent(): void {
    for (const { socket, agreed } of this.#sockets.values()) {
      if (!agreed || socket.bytesRead === 0) socket.destroy();
    }
  }

  /** Cuts those that have still to agree on TLS, which Node leaves open. */
  cutUnagreed(): void {
    for (const { socket, agreed } of this.#sockets.values()) if (!agreed) socket.destroy();
  }
}
