import type { Request, Response } from 'express';

import type { ByteBudget, ByteReservation } from '../../kernel/byte-budget';
import { asError, ServingError } from '../../kernel/errors';
import type { ImageFetcher } from '../image-url/image-fetcher';
import type { BodyLimits } from './body-limits';
import {
  boundaryOf,
  formContent,
  formFiles,
  type FormContent,
  type FormFilesOptions,
} from './form-files';
import { receiveBody } from './receive-body';
import { receiveBytes } from './receive-bytes';
import type { RequestPlaces } from './request-places';
import type { Upload, Uploads } from './uploads';

export interface BodyReaderOptions {
  readonly limits: BodyLimits;
  readonly budget: ByteBudget;
  readonly uploads: Uploads;
  readonly places: RequestPlaces;
  /** Fetches images that a request names; undefined: none are fetched. */
  readonly fetcher?: ImageFetcher | undefined;
}

export interface BytesOptions {
  /** Bytes at most, inflated. @default maxBodyBytes */
  readonly maxBytes?: number;
  /**
   * What a byte of the body counts for, with all that is made of it.
   * @default 1
   */
  readonly weight?: number;
  /** Looks at the first bytes before the others are read. @throws ServingError to refuse them */
  readonly checkHead?: ((head: Buffer) => void) | undefined;
}

/** A number of a tensor takes 4 bytes or 8, and 2 at least as JSON. */
export const TENSOR_WEIGHT = 3;

/**
 * Reads the bodies of inference requests within the limits of all of them together. When a body is
 * complete the request takes one of the places in which requests are worked on.
 */
export class BodyReader {
  readonly limits: BodyLimits;
  readonly #options: BodyReaderOptions;

  constructor(options: BodyReaderOptions) {
    this.#options = options;
    this.limits = options.limits;
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
    { maxBytes = this.limits.maxBodyBytes, weight = 1, checkHead }: BytesOptions = {},
  ): Promise<Buffer> {
    return this.#within(request, response, (reservation, upload) =>
      receiveBytes(request, { maxBytes, weight, reservation, upload, checkHead }),
    );
  }

  /**
   * The files of a form, in the order they were sent.
   * @throws ServingError
   */
  files(request: Request, response: Response): Promise<Buffer[]> {
    const { maxBodyBytes: maxBytes } = this.limits;
    const boundary = boundaryOf(request.headers['content-type'] ?? '');
    return this.#within(request, response, (reservation, upload) => {
      const sink = formFiles({ boundary, limits: this.limits, reservation });
      return receiveBody(request, { maxBytes, upload, sink });
    });
  }

  /**
   * The files of a form with their fields, and its text.
   * @param fields that hold files, and their names for messages
   * @throws ServingError
   */
  form(
    request: Request,
    response: Response,
    fields: Pick<FormFilesOptions, 'isPicture' | 'fieldNames'>,
  ): Promise<FormContent> {
    const { maxBodyBytes: maxBytes } = this.limits;
    const boundary = boundaryOf(request.headers['content-type'] ?? '');
    return this.#within(request, response, (reservation, upload) => {
      const sink = formContent({ boundary, limits: this.limits, reservation, ...fields });
      return receiveBody(request, { maxBytes, upload, sink });
    });
  }

  /** Undefined: no images are fetched. */
  get fetcher(): ImageFetcher | undefined {
    return this.#options.fetcher;
  }

  /**
   * Room for what comes to a request in another way than by its body, until the response is over.
   * @param onCut told that the bytes have been taken back for an older request
   */
  reserve(response: Response, onCut: (error: ServingError) => void): ByteReservation {
    const reservation = this.#options.budget.open((error) => {
      reservation.release();
      onCut(error);
    });
    response.once('close', () => {
      reservation.release();
    });
    return reservation;
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
