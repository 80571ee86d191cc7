import type { IncomingMessage } from 'node:http';

import { ServingError, messageOf } from '../../kernel/errors';
import type { ByteReservation } from '../../kernel/byte-budget';
import { decoderOf, requireModestRatio } from './inflate';
import type { Upload } from './uploads';

export interface ReceiveOptions {
  /** Bytes of the body at most, inflated. */
  readonly maxBytes: number;
  /** What a byte counts for in the reservation. */
  readonly weight: number;
  readonly reservation: ByteReservation;
  readonly upload: Upload;
}

/**
 * Reads a body to its end, or drops what comes once its reservation is over.
 * @throws ServingError PAYLOAD_TOO_LARGE, BAD_REQUEST (not what its encoding says), OVERLOADED,
 *   CLIENT_CLOSED_REQUEST, UNSUPPORTED_MEDIA_TYPE
 */
export function receiveBytes(
  request: IncomingMessage,
  { maxBytes, weight, reservation, upload }: ReceiveOptions,
): Promise<Buffer> {
  const decoder = decoderOf(request);
  const source = decoder === undefined ? request : request.pipe(decoder);
  const announced = decoder === undefined ? Number(request.headers['content-length']) : NaN;
  const gathered = new Gathered(announced <= maxBytes ? announced : undefined);
  let sent = 0;
  return new Promise((resolve, reject) => {
    let over = false;
    const fail = (thrown: unknown): void => {
      if (over) return;
      over = true;
      gathered.clear();
      if (decoder !== undefined) {
        // What still comes is read and dropped, so that an answer can go out.
        request.unpipe(decoder);
        request.resume();
        decoder.destroy();
      }
      reject(
        thrown instanceof ServingError
          ? thrown
          : new ServingError('BAD_REQUEST', `The body cannot be read: ${messageOf(thrown)}`, {
              cause: thrown,
            }),
      );
    };
    request.on('data', (chunk: Buffer) => {
      sent += chunk.length;
      upload.received(chunk.length);
    });
    source.on('data', (chunk: Buffer) => {
      if (over) return;
      try {
        if (reservation.revoked) throw closedByClient();
        const total = gathered.length + chunk.length;
        if (total > maxBytes) {
          throw new ServingError(
            'PAYLOAD_TOO_LARGE',
            `The request body is over the limit of ${maxBytes} bytes`,
          );
        }
        if (decoder !== undefined) requireModestRatio(sent, total);
        reservation.add(chunk.length * weight);
        gathered.push(chunk);
      } catch (thrown) {
        fail(thrown);
      }
    });
    source.once('end', () => {
      if (!over) resolve(gathered.finish());
      over = true;
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

/** The chunks of a body in one buffer, which is copied once at most. */
class Gathered {
  readonly #announced: number | undefined;
  #chunks: Buffer[] = [];
  #whole: Buffer | undefined;
  length = 0;

  constructor(announced: number | undefined) {
    this.#announced = announced;
  }

  push(chunk: Buffer): void {
    if (this.length === 0) {
      this.#chunks.push(chunk);
    } else if (this.#announced === undefined) {
      this.#chunks.push(chunk);
    } else {
      // Memory is not taken before it is written to.
      this.#whole ??= this.#begin(this.#announced);
      this.#whole.set(chunk, this.length);
    }
    this.length += chunk.length;
  }

  finish(): Buffer {
    const [only] = this.#chunks;
    if (this.#whole !== undefined) return this.#whole;
    return this.#chunks.length === 1 && only !== undefined
      ? only
      : Buffer.concat(this.#chunks, this.length);
  }

  clear(): void {
    this.#chunks = [];
    this.#whole = undefined;
  }

  #begin(bytes: number): Buffer {
    const whole = Buffer.allocUnsafeSlow(bytes);
    for (const first of this.#chunks) whole.set(first);
    this.#chunks = [];
    return whole;
  }
}

function closedByClient(): ServingError {
  return new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
}
