import { BufferPool } from './buffer-pool';
import type { ByteBudget } from '../kernel/byte-budget';
import { ServingError } from '../kernel/errors';
import { Semaphore } from '../kernel/semaphore';
import { isLarge, isSlowToOpen } from '../imaging/decoding-cost';
import { encodeImage } from '../imaging/encode';
import { placeAsIs } from '../imaging/geometry';
import type { ImageHeader } from '../imaging/image-header';
import { openImage, type DecodeLimits, type OpenedImage } from '../imaging/open-image';
import {
  preprocessImage,
  modelData,
  preprocessOpened,
  type ImageTensor,
} from '../imaging/preprocess';
import { plainPicture } from '../imaging/plain-picture';
import { cutTile } from '../imaging/cut-tile';
import type { Region } from '../imaging/geometry';
import type { PreprocessSpec } from '../imaging/preprocess-spec';
import { rgbOf, type RgbPicture } from '../imaging/rgb-picture';
import type { ImageFormat } from '../imaging/sniff';
import { inSlices } from '../kernel/time-slices';
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

/** An image as a file that a graph decodes. */
export interface PreparedFile {
  readonly bytes: Uint8Array;
  /** The image as the graph sees it, without its pixels. */
  readonly tensor: ImageTensor;
  readonly release: () => void;
}

/** What a run takes of an image. */
export type TileTensor = Pick<ImageTensor, 'data' | 'shape'>;

/** A part of an image in the form a model takes. */
export interface PreparedTile {
  readonly tensor: TileTensor;
  /** See PreparedImage. */
  readonly release: () => void;
}

/** An image that was decoded as a whole. */
export interface DecodedImage {
  readonly picture: RgbPicture;
  /** Later calls do nothing. */
  readonly release: () => void;
}

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
    return this.#opened(servable, image, signal, (opened) => this.#decode(opened, spec, signal));
  }

  /**
   * An image as a file that a graph decodes: as it came where any decoder makes the same of it, else upright
   * and opaque as PNG, or as JPEG of quality 100 where its decoder reads no PNG.
   * @param formats that the graph decodes
   * @throws ServingError UNSUPPORTED_IMAGE_FORMAT, CLIENT_CLOSED_REQUEST, and those of preprocessImage
   */
  prepareFile(
    servable: Pick<Servable, 'spec'>,
    image: Uint8Array,
    signal: AbortSignal | undefined,
    formats: readonly ImageFormat[],
  ): Promise<PreparedFile> {
    return this.#opened(servable, image, signal, async (opened) => {
      const { header, isPlain, pipeline, decodingBytes } = opened;
      const tensor = asItCame(header);
      if (isPlain && formats.includes(header.format)) {
        return { tensor, bytes: image, release: () => undefined };
      }
      const format = fileFormat(formats, header.format);
      const decoded = await this.#options.budget.whenRoom(decodingBytes);
      try {
        const { data, ...size } = await rgbOf(await pipeline(signal), header.format);
        const encoded = await encodeImage(data, { ...size, channels: 3 }, { format, quality: 100 });
        return { tensor, bytes: encoded, release: this.#options.budget.hold(encoded.length) };
      } finally {
        decoded();
      }
    });
  }

  /** A plain picture in the form a model takes; of the size that `like` was fed with where it takes any. */
  async plain(spec: PreprocessSpec, colour: string, like: ImageTensor): Promise<ImageTensor> {
    const { imaging, limits } = this.#options;
    const size = spec.size.kind === 'fixed' ? spec.size : like;
    return imaging.run(async () => preprocessImage(await plainPicture(size, colour), spec, limits));
  }

  /**
   * Reads how large an image is.
   * @throws ServingError as `prepare`
   */
  async headerOf(
    servable: Pick<Servable, 'spec'>,
    image: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<ImageHeader> {
    const read = async (): Promise<ImageHeader> => {
      throwIfGone(signal);
      return (await openImage(image, this.#options.limits)).header;
    };
    if (!isSlowToOpen(image)) return this.#options.imaging.run(read);
    return this.#apart(read, servable.spec.batching.queueTimeoutMs, signal);
  }

  /**
   * Decodes an image as a whole, upright, for tiles to be cut from.
   * @throws ServingError as `prepare`
   */
  decode(
    servable: Pick<Servable, 'spec'>,
    image: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<DecodedImage> {
    const { budget } = this.#options;
    return this.#opened(servable, image, signal, async ({ header, pipeline, decodingBytes }) => {
      const decoded = await budget.whenRoom(decodingBytes);
      try {
        const picture = await rgbOf(await pipeline(signal), header.format);
        return { picture, release: budget.hold(picture.data.byteLength) };
      } finally {
        decoded();
      }
    });
  }

  /** A part of an image, which may go beyond it: see cutTile. @throws ServingError CLIENT_CLOSED_REQUEST */
  async prepareTile(
    picture: RgbPicture,
    region: Region,
    spec: PreprocessSpec,
    signal: AbortSignal | undefined,
  ): Promise<PreparedTile> {
    const memory: ArrayBuffer[] = [];
    const giveBack = (): void => {
      this.#buffers.give(memory.splice(0));
    };
    const { width, height } = region;
    const channels = spec.colorOrder === 'grayscale' ? 1 : 3;
    try {
      const steps = modelData(cutTile(picture, region), spec, this.#allocator(memory), {
        width,
        height,
        channels,
      });
      const data = await inSlices(steps, signal);
      const held = this.#options.budget.hold(data.byteLength);
      return {
        tensor: {
          data,
          shape: spec.layout === 'NHWC' ? [height, width, channels] : [channels, height, width],
        },
        release: () => {
          held();
          giveBack();
        },
      };
    } catch (thrown) {
      giveBack();
      throw thrown;
    }
  }

  /** Opens an image and works on it, while it counts as one being decoded. */
  async #opened<T>(
    servable: Pick<Servable, 'spec'>,
    image: Uint8Array,
    signal: AbortSignal | undefined,
    work: (opened: OpenedImage) => Promise<T>,
  ): Promise<T> {
    const { imaging, limits } = this.#options;
    const open = async (): Promise<OpenedImage> => {
      throwIfGone(signal);
      return openImage(image, limits);
    };
    const decode = async (opened: OpenedImage): Promise<{ readonly done: T }> => {
      throwIfGone(signal);
      return { done: await work(opened) };
    };
    // What may take seconds leaves some places to the others.
    const apart = async (slow: () => Promise<{ readonly done: T }>): Promise<T> =>
      (await this.#apart(slow, servable.spec.batching.queueTimeoutMs, signal)).done;
    if (isSlowToOpen(image)) return apart(async () => decode(await open()));
    const first = await imaging.run(async () => {
      const opened = await open();
      return isLarge(opened.decodingBytes) ? { opened } : decode(opened);
    });
    return 'done' in first ? first.done : apart(() => decode(first.opened));
  }

  #allocator(memory: ArrayBuffer[]): (bytes: number) => ArrayBuffer {
    return (bytes) => {
      const buffer = this.#buffers.take(bytes);
      memory.push(buffer);
      return buffer;
    };
  }

  /**
   * An image as a whole, upright, while `use` looks at it. It counts as one being decoded.
   * @throws ServingError as `prepare`, and what `use` throws
   */
  withPixels<T>(image: Uint8Array, use: (picture: RgbPicture) => Promise<T>): Promise<T> {
    const { imaging, limits, budget } = this.#options;
    return imaging.run(async () => {
      const { header, pipeline, decodingBytes } = await openImage(image, limits);
      const decoded = await budget.whenRoom(decodingBytes);
      try {
        return await use(await rgbOf(await pipeline(), header.format));
      } finally {
        decoded();
      }
    });
  }

  /** Waits no longer than the image might in the queue of its model. */
  async #apart<T>(
    work: () => Promise<T>,
    patienceMs: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const patience = AbortSignal.timeout(patienceMs);
    const waiting = signal === undefined ? patience : AbortSignal.any([signal, patience]);
    try {
      return await this.#large.run(() => this.#options.imaging.run(work), waiting);
    } catch (thrown) {
      throwIfGone(signal);
      if (thrown !== patience.reason) throw thrown;
      throw new ServingError(
        'QUEUE_TIMEOUT',
        `The image waited ${patienceMs} ms for other large ones to be decoded`,
        { retryAfterS: 1 },
      );
    }
  }

  async #decode(
    opened: OpenedImage,
    spec: PreprocessSpec,
    signal: AbortSignal | undefined,
  ): Promise<PreparedImage> {
    const { budget } = this.#options;
    const memory: ArrayBuffer[] = [];
    const decoded = await budget.whenRoom(opened.decodingBytes);
    try {
      const tensor = await preprocessOpened(opened, spec, {
        signal,
        allocate: this.#allocator(memory),
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

/** The whole picture, without its pixels. */
function asItCame(header: ImageHeader): ImageTensor {
  const { width, height } = header;
  return {
    data: new Uint8Array(),
    shape: [height, width, 3],
    width,
    height,
    validWidth: width,
    validHeight: height,
    source: header,
    placement: placeAsIs(header, 1),
  };
}

/** What an image is encoded as. @throws ServingError UNSUPPORTED_IMAGE_FORMAT */
function fileFormat(formats: readonly ImageFormat[], given: ImageFormat): 'png' | 'jpeg' {
  if (formats.includes('png')) return 'png';
  if (formats.includes('jpeg')) return 'jpeg';
  throw new ServingError(
    'UNSUPPORTED_IMAGE_FORMAT',
    `The image is ${given.toUpperCase()}, and the model decodes it itself: allowed are ${formats.join(', ').toUpperCase()}`,
  );
}

function throwIfGone(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request');
  }
}
