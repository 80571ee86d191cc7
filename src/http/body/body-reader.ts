import type { Request, Response } from 'express';
import multer from 'multer';

import type { ByteBudget, ByteReservation } from '../../kernel/byte-budget';
import { asError, ServingError } from '../../kernel/errors';
import { formStorage } from './form-storage';
import { decoderOf } from './inflate';
import { receiveBytes } from './receive-bytes';
import type { RequestPlaces } from './request-places';
import type { Upload, Uploads } from './uploads';

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly maxFileBytes: number;
  readonly maxFiles: number;
}

export interface BodyReaderOptions {
  readonly limits: BodyLimits;
  readonly budget: ByteBudget;
  readonly uploads: Uploads;
  readonly places: RequestPlaces;
}

export interface BytesOptions {
  /** Bytes at most, inflated. @default maxBodyBytes */
  readonly maxBytes?: number;
  /**
   * What a byte of the body counts for, with all that is made of it.
   * @default 1
   */
  readonly weight?: number;
}

/** A number of a tensor takes 4 bytes or 8, and 2 at least as JSON. */
export const TENSOR_WEIGHT = 3;

/** Text fields that a form may hold beside its files. */
const MAX_FIELDS = 16;
const MAX_FIELD_BYTES = 64 * 1024;

/** What is noted of a form while it is read. */
interface FormProgress {
  readonly reservation: ByteReservation;
  /** Refuses the form at once: multer says so only when all of it has come. */
  readonly refuse: (error: ServingError) => void;
  bytes: number;
  files: number;
}

/**
 * Reads the bodies of inference requests within the limits of all of them together. When a body is
 * complete the request takes one of the places in which requests are worked on.
 */
export class BodyReader {
  readonly limits: BodyLimits;
  readonly #options: BodyReaderOptions;
  readonly #forms = new WeakMap<Request, FormProgress>();
  readonly #readForm: ReturnType<multer.Multer['array']>;

  constructor(options: BodyReaderOptions) {
    this.#options = options;
    this.limits = options.limits;
    const { maxBodyBytes, maxFileBytes, maxFiles } = options.limits;
    this.#readForm = multer({
      storage: formStorage({
        onFile: (request) => {
          this.#form(request, (form) => {
            form.files += 1;
            if (form.files <= maxFiles) return;
            throw new ServingError('TOO_MANY_IMAGES', `The form holds more than ${maxFiles} files`);
          });
        },
        onBytes: (request, bytes) => {
          this.#form(request, (form) => {
            form.bytes += bytes;
            form.reservation.add(bytes);
            if (form.bytes <= maxBodyBytes) return;
            throw new ServingError(
              'PAYLOAD_TOO_LARGE',
              `The files are over the limit of ${maxBodyBytes} bytes`,
            );
          });
        },
      }),
      limits: {
        files: maxFiles + 1,
        fileSize: maxFileBytes,
        fields: MAX_FIELDS,
        fieldSize: MAX_FIELD_BYTES,
      },
    }).array('image');
  }

  /**
   * Whether the body may be read at all; nothing has been read of it yet.
   * @throws ServingError PAYLOAD_TOO_LARGE, OVERLOADED
   */
  requireRoom(request: Request): void {
    const announced = Number(request.headers['content-length'] ?? 0);
    const { maxBodyBytes } = this.limits;
    if (announced > maxBodyBytes) {
      throw new ServingError(
        'PAYLOAD_TOO_LARGE',
        `The body of ${announced} bytes is over the limit of ${maxBodyBytes}`,
      );
    }
    this.#options.places.requireRoom();
    this.#options.budget.requireRoom(announced);
  }

  /**
   * The body as it is, whatever its Content-Type says: clients of tensor protocols send JSON as
   * text/plain, as a form, or without any. Empty when there is none.
   * @throws ServingError
   */
  bytes(
    request: Request,
    response: Response,
    { maxBytes = this.limits.maxBodyBytes, weight = 1 }: BytesOptions = {},
  ): Promise<Buffer> {
    return this.#within(request, response, (reservation, upload) =>
      receiveBytes(request, { maxBytes, weight, reservation, upload }),
    );
  }

  /**
   * The files of a form, in the order they were sent.
   * @throws ServingError, and the errors of multer
   */
  files(request: Request, response: Response): Promise<Buffer[]> {
    if (decoderOf(request) !== undefined) {
      throw new ServingError(
        'UNSUPPORTED_MEDIA_TYPE',
        'A form is not accepted with a Content-Encoding: send it as it is, or the file alone',
      );
    }
    return this.#within(request, response, async (reservation, upload) => {
      request.on('data', (chunk: Buffer) => {
        upload.received(chunk.length);
      });
      await new Promise<void>((resolve, reject) => {
        this.#forms.set(request, { reservation, refuse: reject, bytes: 0, files: 0 });
        this.#readForm(request, response, (thrown: unknown) => {
          if (thrown === undefined) resolve();
          else reject(asError(thrown));
        });
      });
      const files = Array.isArray(request.files) ? request.files : [];
      return files.map(({ buffer }) => buffer);
    });
  }

  /** Checks what comes of a form. @throws ServingError, which the request is answered with */
  #form(request: Request, check: (form: FormProgress) => void): void {
    const form = this.#forms.get(request);
    if (form === undefined) return;
    try {
      check(form);
    } catch (thrown) {
      if (thrown instanceof ServingError) form.refuse(thrown);
      throw thrown;
    }
  }

  /** The bytes stay reserved until the response is over: the request works with them. */
  #within<T>(
    request: Request,
    response: Response,
    read: (reservation: ByteReservation, upload: Upload) => Promise<T>,
  ): Promise<T> {
    const { budget, uploads, places } = this.#options;
    return new Promise((resolve, reject) => {
      const cut = (error: ServingError): void => {
        reservation.release();
        upload.end();
        reject(error);
      };
      const upload = uploads.begin(request.socket.remoteAddress ?? '', cut);
      const reservation = budget.open(cut);
      response.once('close', () => {
        upload.end();
        reservation.release();
      });
      read(reservation, upload)
        .then((body) => {
          if (reservation.revoked) return;
          upload.end();
          reservation.settle();
          places.take(response);
          resolve(body);
        })
        .catch((thrown: unknown) => {
          upload.end();
          reservation.release();
          reject(asError(thrown));
        });
    });
  }
}
