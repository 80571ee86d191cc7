import type { Response } from 'express';

import { ServingError } from '../../kernel/errors';
import type { ImageSource } from '../../inference/image-request';
import type { BodyReader } from '../body/body-reader';

/** An image that is still to be fetched. */
export class RemoteImage {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }
}

/** What concerns the whole request, not the image for which it was found. */
const OF_REQUEST = ['OVERLOADED', 'CLIENT_CLOSED_REQUEST'];

/**
 * Fetches what is to be fetched. What fails, fails its image alone. The bytes are reserved as those of an
 * upload are, until the answer is over.
 * @throws ServingError OVERLOADED, CLIENT_CLOSED_REQUEST
 */
export async function fetchImages(
  images: readonly (ImageSource | RemoteImage)[],
  bodies: BodyReader,
  response: Response,
  client: AbortSignal,
): Promise<readonly ImageSource[]> {
  if (!images.some((image) => image instanceof RemoteImage)) {
    return images as readonly ImageSource[];
  }
  const stop = new AbortController();
  const signal = AbortSignal.any([client, stop.signal]);
  const reservation = bodies.reserve(response, (error) => {
    stop.abort(error);
  });
  const { fetcher, limits } = bodies;
  const fetchOne = async ({ url }: RemoteImage): Promise<ImageSource> => {
    try {
      if (fetcher === undefined) throw fetchesNone();
      return await fetcher.fetch(url, {
        maxBytes: limits.maxFileBytes,
        reserve: (bytes) => {
          reservation.add(bytes);
        },
        signal,
      });
    } catch (thrown) {
      if (client.aborted) throw closed();
      if (thrown instanceof ServingError && !OF_REQUEST.includes(thrown.code)) return thrown;
      throw thrown;
    }
  };
  try {
    return await Promise.all(
      images.map((image) =>
        image instanceof RemoteImage ? fetchOne(image) : Promise.resolve(image),
      ),
    );
  } catch (thrown) {
    stop.abort();
    reservation.release();
    throw thrown;
  } finally {
    reservation.settle();
  }
}

function fetchesNone(): ServingError {
  return new ServingError(
    'IMAGE_URL_NOT_ALLOWED',
    'This server fetches no images: send the file itself, or name its origin in the option imageUrlOrigins',
  );
}

function closed(): ServingError {
  return new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
}
