import { BufferPool } from '../batching/buffer-pool';
import type { ByteBudget } from '../kernel/byte-budget';
import { ServingError } from '../kernel/errors';
import { Semaphore } from '../kernel/semaphore';
import { decodingBytes } from '../imaging/decoding-bytes';
import { openImage, type DecodeLimits, type OpenedImage } from '../imaging/open-image';
import { preprocessOpened, type ImageTensor } from '../imaging/preprocess';
import type { PreprocessSpec } from '../imaging/preprocess-spec';
import type { Servable } from '../models/servable';

export interface ImagePreparerOptions {
  readonly limits: DecodeLimits;
  /** Images decoded or encoded at the same time. */
  readonly imaging: Semaphore;
  /** Of `imaging`, how many may be large pictures at once. */
  readonly maxLargeImages: number;
  /** Bytes of decoded pictures and tensors are taken from it. */
  readonly budget: ByteBudget;
}

/** An image in the form a model takes. */
export interface PreparedImage {
  readonly tensor: ImageTensor;
  /** Run or failed, nothing may look at the pixels again. Later calls do nothing. */
  readonly release: () => void;
}

/** A picture that needs more memory than this to decode is a large one. */
const LARGE_BYTES = 128 * 1024 * 1024;

/** Encoded image → input of a model, as model.json says: the same for every way in. */
export class ImagePreparer {
  readonly #options: ImagePreparerOptions;
  readonly #large: Semaphore;
  /** Memory of images from their decoding to the end of their run. */
  readonly #buffers = new BufferPool();

  constructor(options: ImagePreparerOptions) {
    this.#options = options;
    this.#large = new Semaphore(options.maxLargeImages);
  }

  /**
   * @param spec what the image is to become, when that is not what the model takes
   * @throws ServingError WRONG_TASK, CLIENT_CLOSED_REQUEST, and those of preprocessImage
   */
  async prepare(
    servable: Pick<Servable, 'name' | 'spec'>,
    image: Uint8Array,
    signal: AbortSignal | undefined,
    spec: PreprocessSpec | undefined = servable.spec.image,
  ): Promise<PreparedImage> {
    if (spec === undefined) {
      throw new ServingError('WRONG_TASK', `Model ${servable.name} takes no image`);
    }
    const { imaging, limits } = this.#options;
    const first = await imaging.run(async () => {
      throwIfGone(signal);
      const opened = await openImage(image, limits);
      // Large ones may take seconds: some places are always left to the others.
      return decodingBytes(opened.header) > LARGE_BYTES
        ? { large: opened }
        : { prepared: await this.#decode(opened, spec, signal) };
    });
    const { large } = first;
    if (large === undefined) return first.prepared;
    return this.#large.run(() =>
      imaging.run(() => {
        throwIfGone(signal);
        return this.#decode(large, spec, signal);
      }),
    );
  }

  async #decode(
    opened: OpenedImage,
    spec: PreprocessSpec,
    signal: AbortSignal | undefined,
  ): Promise<PreparedImage> {
    const { budget } = this.#options;
    const memory: ArrayBuffer[] = [];
    const decoded = await budget.whenRoom(decodingBytes(opened.header));
    try {
      const tensor = await preprocessOpened(opened, spec, {
        signal,
        allocate: (bytes) => {
          const buffer = this.#buffers.take(bytes);
          memory.push(buffer);
          return buffer;
        },
      });
      const held = budget.hold(tensor.data.byteLength);
      return {
        tensor,
        release: () => {
          held();
          this.#buffers.give(memory.splice(0));
        },
      };
    } catch (thrown) {
      this.#buffers.give(memory);
      throw thrown;
    } finally {
      decoded();
    }
  }
}

function throwIfGone(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
  }
}
