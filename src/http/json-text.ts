import type { Response } from 'express';

import { ServingError } from '../kernel/errors';
import { inSlices, type Steps } from '../kernel/time-slices';
import type { TextPieces } from './tensors/tensor-text';

/** Characters that are gathered before they are handed on: what a socket takes at once. */
const CHUNK = 64 * 1024;
/** Answers up to here are sent with their length; longer ones as they are made. */
const WHOLE = 1024 * 1024;

/** All pieces in one. */
export async function wholeText(pieces: TextPieces, signal?: AbortSignal): Promise<string> {
  const chunks: string[] = [];
  const steps = function* (): Steps<void> {
    for (const piece of pieces) {
      chunks.push(piece);
      yield;
    }
  };
  await inSlices(steps(), signal);
  return chunks.join('');
}

/**
 * Answers with a text that is made piece by piece: memory stays flat however long it is, the event
 * loop is never held up, and a client that reads slowly slows down only its own answer.
 */
export async function sendJsonText(
  response: Response,
  pieces: TextPieces,
  signal: AbortSignal,
): Promise<void> {
  response.type('application/json');
  let sent = 0;
  let text = '';
  /** @returns whether that was all */
  const fill = function* (): Steps<boolean> {
    while (text.length < (sent === 0 ? WHOLE : CHUNK)) {
      const piece = pieces.next();
      if (piece.done === true) return true;
      text += piece.value;
      yield;
    }
    return false;
  };
  while (!(await inSlices(fill(), signal))) {
    sent += text.length;
    const piece = text;
    text = '';
    await writePiece(response, piece, signal);
  }
  if (sent === 0) response.send(text);
  else response.end(text);
}

/**
 * Hands on a part of an answer, and waits where the client has not taken the parts before.
 * @throws ServingError CLIENT_CLOSED_REQUEST
 */
export async function writePiece(
  response: Response,
  piece: string | Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  if (!response.write(piece)) await drained(response);
  if (signal.aborted) {
    throw new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
  }
}

/** Resolves when there is room again, or nobody is there any more. */
function drained(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
}
