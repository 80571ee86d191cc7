import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/**
 * Sends "100 Continue" to clients that ask for it, and no sooner than it is their response's turn on
 * the connection. Left to itself, Node queues it for a pipelined request and then puts the head of
 * the response in front of it, so that it becomes part of the body.
 */
export function continueInTurn(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const agree = (): void => {
      if (!response.headersSent) response.writeContinue();
    };
    if (response.socket === null) response.once('socket', agree);
    else agree();
    server.emit('request', request, response);
  });
}
