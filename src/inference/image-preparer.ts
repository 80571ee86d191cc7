import { BufferPool } from '../batching/buffer-pool';
import { ServingError } from '../kernel/errors';
import type { DecodeLimits } from '../imaging/open-image';
import { preprocessImage, type ImageTensor, type PreprocessSpec } from '../imaging/preprocess';
import type { Servable } from '../models/servable';
import type { Semaphore } from '../kernel/semaphore';

export interface ImageDecoderOptions {
  readonly limits: DecodeLimits;
  /** Images decoded or encoded at the same time. */
  readonly imaging: Semaphore;
}

/** Encoded image → input of a model, as model.json says: the same for every way in. */
export class ImageDecoder {
  readonly #options: ImageDecoderOptions;
  /** Memory of images from their decoding to the end of their run. */
  readonly #buffers = new BufferPool();

  constructor(options: ImageDecoderOptions) {
    this.#options = options;
  }

  /**
   * @param memory takes up the buffers that the image uses: give them to `release` after its run
   * @param spec what the image is to become, when that is not what the model takes
   * @throws ServingError WRONG_TASK, CLIENT_CLOSED_REQUEST, and those of preprocessImage
   */
  decode(
    servable: Servable,
    image: Uint8Array,
    memory: ArrayBuffer[],
    signal?: AbortSignal,
    spec: PreprocessSpec | undefined = servable.spec.image,
  ): Promise<ImageTensor> {
    if (spec === undefined) {
      throw new ServingError('WRONG_TASK', `Model ${servable.name} takes no image`);
    }
    return this.#options.imaging.run(() => {
      if (signal?.aborted === true) {
        throw new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
      }
      return preprocessImage(image, spec, this.#options.limits, {
        allocate: (bytes) => {
          const buffer = this.#buffers.take(bytes);
          memory.push(buffer);
          return buffer;
        },
        ...(signal === undefined ? {} : { signal }),
      });
    });
  }

  /** Run or failed, nothing may look at the pixels again. */
  release(memory: readonly ArrayBuffer[]): void {
    this.#buffers.give(memory);
  }
}
