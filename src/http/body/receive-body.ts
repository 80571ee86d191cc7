import type { IncomingMessage } from 'node:http';

import { ServingError, messageOf } from '../../kernel/errors';
import { decoderOf, requireModestRatio } from './inflate';
import type { Upload } from './uploads';

/** What a body is made into as it comes. */
export interface BodySink<T> {
  /** Is told how to refuse the body between two chunks. */
  readonly onFailure?: (fail: (thrown: unknown) => void) => void;
  /**
   * Takes the next bytes, inflated.
   * @returns resolves when more can be taken; undefined for at once
   * @throws ServingError where they are refused
   */
  readonly take: (chunk: Buffer) => Promise<void> | undefined;
  /** All of it has come. @throws ServingError where something is missing */
  readonly finish: () => T | Promise<T>;
  /** It failed: whatever was kept is let go. */
  readonly drop: () => void;
}

export interface ReceiveBodyOptions<T> {
  /** Bytes of the body at most, inflated. */
  readonly maxBytes: number;
  readonly upload: Upload;
  readonly sink: BodySink<T>;
}

/**
 * Reads a body to its end, or drops what comes once it has failed.
 * @throws ServingError PAYLOAD_TOO_LARGE, BAD_REQUEST (not what its encoding says),
 *   CLIENT_CLOSED_REQUEST, UNSUPPORTED_MEDIA_TYPE, and those of the sink
 */
export function receiveBody<T>(
  request: IncomingMessage,
  { maxBytes, upload, sink }: ReceiveBodyOptions<T>,
): Promise<T> {
  const decoder = decoderOf(request);
  const source = decoder === undefined ? request : request.pipe(decoder);
  let sent = 0;
  let total = 0;
  return new Promise((resolve, reject) => {
    let over = false;
    const fail = (thrown: unknown): void => {
      if (over) return;
      over = true;
      sink.drop();
      if (decoder !== undefined) {
        request.unpipe(decoder);
        decoder.destroy();
      }
      // What still comes is read and dropped, so that an answer can go out.
      request.resume();
      reject(
        thrown instanceof ServingError
          ? thrown
          : new ServingError('BAD_REQUEST', `The body cannot be read: ${messageOf(thrown)}`, {
              cause: thrown,
            }),
      );
    };
    sink.onFailure?.(fail);
    request.on('data', (chunk: Buffer) => {
      sent += chunk.length;
      upload.received(chunk.length);
    });
    source.on('data', (chunk: Buffer) => {
      if (over) return;
      try {
        total += chunk.length;
        if (total > maxBytes) {
          throw new ServingError(
            'PAYLOAD_TOO_LARGE',
            `The request body is over the limit of ${maxBytes} bytes`,
          );
        }
        if (decoder !== undefined) requireModestRatio(sent, total);
        const room = sink.take(chunk);
        if (room === undefined) return;
        source.pause();
        void room.then(() => source.resume());
      } catch (thrown) {
        fail(thrown);
      }
    });
    source.once('end', () => {
      if (over) return;
      try {
        resolve(sink.finish());
        over = true;
      } catch (thrown) {
        fail(thrown);
      }
    });
    source.once('error', fail);
    request.once('error', () => {
      fail(closedByClient());
    });
    request.once('close', () => {
      if (!request.complete) fail(closedByClient());
    });
  });
}

/** @returns CLIENT_CLOSED_REQUEST */
export function closedByClient(): ServingError {
  return new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
}
