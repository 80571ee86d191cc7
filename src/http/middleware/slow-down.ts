import type { Response } from 'express';

/** Milliseconds in which nothing is read from a client that was refused. */
const REST_MS = 250;

/**
 * The answer goes out at once; what the client sends next on this connection is read a little later.
 * Clients that ask again without a pause would otherwise keep the main thread busy with refusals,
 * and goodput would fall to a fraction.
 */
export function slowDown(response: Response): void {
  const { socket } = response;
  if (socket === null) return;
  // Not at 'finish': then Node itself still reads on.
  response.once('close', () => {
    socket.pause();
    setTimeout(() => {
      socket.resume();
    }, REST_MS).unref();
  });
}
