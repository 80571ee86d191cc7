import type { IncomingMessage } from 'node:http';

import type { ByteReservation } from '../../kernel/byte-budget';
import { closedByClient, receiveBody } from './receive-body';
import type { Upload } from './uploads';

/** Bytes that tell a format. */
const HEAD_BYTES = 132;

export interface ReceiveOptions {
  /** Bytes of the body at most, inflated. */
  readonly maxBytes: number;
  /** What a byte counts for in the reservation. */
  readonly weight: number;
  readonly reservation: ByteReservation;
  readonly upload: Upload;
  /** Looks at the first bytes as soon as they are there. @throws ServingError to refuse the body */
  readonly checkHead?: ((head: Buffer) => void) | undefined;
}

/**
 * Reads a body to its end, or drops what comes once its reservation is over.
 * @throws ServingError PAYLOAD_TOO_LARGE, BAD_REQUEST (not what its encoding says), OVERLOADED,
 *   CLIENT_CLOSED_REQUEST, UNSUPPORTED_MEDIA_TYPE, and those of `checkHead`
 */
export function receiveBytes(
  request: IncomingMessage,
  { maxBytes, weight, reservation, upload, checkHead }: ReceiveOptions,
): Promise<Buffer> {
  const encoded = request.headers['content-encoding'] !== undefined;
  const announced = encoded ? NaN : Number(request.headers['content-length']);
  const gathered = new Gathered(announced <= maxBytes ? announced : undefined);
  let unchecked = checkHead;
  return receiveBody(request, {
    maxBytes,
    upload,
    sink: {
      take: (chunk) => {
        if (reservation.revoked) throw closedByClient();
        reservation.add(chunk.length * weight);
        gathered.push(chunk);
        if (unchecked === undefined || gathered.length < HEAD_BYTES) return undefined;
        unchecked(gathered.head(HEAD_BYTES));
        unchecked = undefined;
        return undefined;
      },
      finish: () => {
        const body = gathered.finish();
        unchecked?.(body);
        return body;
      },
      drop: () => {
        gathered.clear();
      },
    },
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

  /** The first bytes, as far as they are there. */
  head(bytes: number): Buffer {
    return (this.#whole ?? Buffer.concat(this.#chunks)).subarray(0, Math.min(bytes, this.length));
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
