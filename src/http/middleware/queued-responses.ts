import type { Socket } from 'node:net';

import type { RequestHandler, Response } from 'express';

/**
 * Closes the responses that wait behind another on a connection (pipelining) when the connection
 * ends. Node tells only the one whose turn it is, and whatever is held until 'close' would be held
 * by the others for ever: places, bytes, timers.
 */
export function queuedResponses(): RequestHandler {
  const queues = new WeakMap<Socket, Set<Response>>();
  const queueOf = (socket: Socket): Set<Response> => {
    const known = queues.get(socket);
    if (known !== undefined) return known;
    const queue = new Set<Response>();
    queues.set(socket, queue);
    // Node's own listener comes first: the response whose turn it is has left the queue by then.
    socket.once('close', () => {
      for (const response of queue) response.destroy().emit('close');
    });
    return queue;
  };
  return (request, response, next) => {
    const queue = queueOf(request.socket);
    queue.add(response);
    response.once('close', () => queue.delete(response));
    next();
  };
}
