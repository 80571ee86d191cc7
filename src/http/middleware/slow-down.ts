import type { Request, Response } from 'express';

/** Milliseconds in which nothing is read from a client that was refused: the shortest Retry-After. */
const REST_MS = 1000;
/** Up to so many more, so that clients refused together do not come back together. */
const SPREAD_MS = 500;

/** Behind a proxy a connection is everybody's. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'via'];

/**
 * The answer goes out at once; what the client sends next on this connection is read a little later.
 * Clients that ask again without a pause would otherwise keep the main thread busy with refusals,
 * and goodput would fall to a fraction. One that keeps to `Retry-After` notices nothing.
 */
export function slowDown(request: Request, response: Response): void {
  const { socket } = response;
  if (socket === null || PROXY_HEADERS.some((name) => name in request.headers)) return;
  // Not at 'finish': then Node itself still reads on.
  response.once('close', () => {
    socket.pause();
    setTimeout(
      () => {
        socket.resume();
      },
      REST_MS + Math.random() * SPREAD_MS,
    ).unref();
  });
}
