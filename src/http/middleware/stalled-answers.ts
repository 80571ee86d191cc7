import type { RequestHandler, Response } from 'express';

const SWEEP_MS = 5000;

interface Answer {
  /** Bytes that had been handed to the operating system when it was last looked at. */
  written: number;
  /** When they were last seen to become more. */
  since: number;
}

/**
 * Cuts clients that take nothing of their answer for a while: it may be a large picture, and it is held
 * in memory until they do.
 */
export function stalledAnswers(stallMs: number, now = () => performance.now()): RequestHandler {
  const answers = new Map<Response, Answer>();
  let timer: NodeJS.Timeout | undefined;
  const sweep = (): void => {
    for (const [response, answer] of answers) {
      const { socket } = response;
      if (socket === null || !response.headersSent || socket.writableLength === 0) continue;
      if (socket.bytesWritten !== answer.written || answer.since === 0) {
        answer.written = socket.bytesWritten;
        answer.since = now();
      } else if (now() - answer.since >= stallMs) {
        socket.destroy();
      }
    }
  };
  return (_request, response, next) => {
    answers.set(response, { written: -1, since: 0 });
    timer ??= setInterval(sweep, SWEEP_MS).unref();
    response.once('close', () => {
      answers.delete(response);
      if (answers.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    });
    next();
  };
}
