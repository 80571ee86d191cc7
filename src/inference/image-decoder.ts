import { ServingError } from '../errors';
import type { DecodeLimits } from '../imaging/decode';
import { preprocessImage, type ImageTensor } from '../imaging/preprocess';
import type { Servable } from '../models/servable';
import type { Semaphore } from '../semaphore';

export interface ImageDecoderOptions {
  readonly limits: DecodeLimits;
  /** Images decoded or encoded at the same time. */
  readonly imaging: Semaphore;
}

/** Encoded image → input of a model, as model.json says: the same for every way in. */
export class ImageDecoder {
  readonly #options: ImageDecoderOptions;

  constructor(options: ImageDecoderOptions) {
    this.#options = options;
  }

  /** @throws ServingError WRONG_TASK, CLIENT_CLOSED_REQUEST, and those of preprocessImage */
  decode(servable: Servable, image: Uint8Array, signal?: AbortSignal): Promise<ImageTensor> {
    const spec = servable.spec.image;
    if (spec === undefined) {
      throw new ServingError('WRONG_TASK', `Model ${servable.name} takes no image`);
    }
    return this.#options.imaging.run(() => {
      if (signal?.aborted === true) {
        throw new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
      }
      return preprocessImage(image, spec, this.#options.limits, signal);
    });
  }
}
