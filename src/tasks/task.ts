import type { z } from 'zod';

import type { EncodeFormat } from '../imaging/encode';
import type { Region, Size } from '../imaging/geometry';
import type { ImageTensor } from '../imaging/preprocess';
import type { RgbPicture } from '../imaging/rgb-picture';
import type { Semaphore } from '../kernel/semaphore';
import type { Signature, Tensor } from '../kernel/tensor';
import type { Postprocess } from '../rewriter/image/image-plan';
import type { ImageInputSpec, ModelInputs } from './inputs/model-inputs';
import type { AnyTaskRow } from './task-row';

export type { ImageInputSpec };

/** What is known of a model when it is found out what it does. */
export interface ModelFacts {
  readonly signature: Signature;
  /** Undefined for models that take no image, or decode it themselves. */
  readonly image: ImageInputSpec | undefined;
  /** @default a picture and nothing else */
  readonly inputs?: ModelInputs | undefined;
  readonly labels: readonly string[] | undefined;
}

/** What the task of a model that does not name it is recognised by. */
export interface ModelSigns extends ModelFacts {
  /** Whether labels, model.json or a softmax at the end of the graph say that it answers scores. */
  readonly isClassifier: boolean;
}

/** Where a task says what it found. */
export interface Notes {
  /** Something in the model's folder is wrong; in words that name the key of model.json. */
  problem(text: string): void;
  /** Something that neither model.json nor the signature says. */
  assumption(text: string): void;
}

/** A model as its task sees it when a request comes. */
export interface TaskModel<S> {
  readonly settings: S;
  readonly labels: readonly string[] | undefined;
  /** The signature of the model itself. */
  readonly own: RunWay;
  /** The way through the rewritten graph, where there is one. */
  readonly rewritten: RewrittenWay | undefined;
}

/** A signature that images run through, and how they are fed. */
export interface RunWay {
  readonly signatureName: string;
  readonly signature: Signature;
  readonly image: ImageInputSpec | undefined;
}

export interface RewrittenWay extends RunWay {
  /** The outputs that hold the best classes, when the graph ranks them, and how many. */
  readonly top: { readonly k: number; readonly outputs: readonly [string, string] } | undefined;
  /** The output that holds a finished picture, when the graph makes one. */
  readonly pixels: string | undefined;
}

/** What is run for an image: a way, and what is fetched. */
export interface TaskRun extends RunWay {
  readonly outputs: readonly string[];
}

/** What a run of one image gave. */
interface RunOutput {
  /** In the order of the run. */
  readonly outputs: readonly Tensor[];
  /** The image as it was fed; of nothing where the task has no upload. */
  readonly tensor: ImageTensor;
  /** The image as it came: an encoded file; empty where the task has no upload. */
  readonly image: Uint8Array;
}

export interface Picture {
  readonly bytes: Buffer;
  readonly format: EncodeFormat;
  readonly width: number;
  readonly height: number;
}

/**
 * How pages show a result: a module of web/views that draws it.
 * - bars: `predictions`, by falling score
 * - boxes: `detections` over the picture
 * - masks: `segments` over the picture
 * - compare: the picture before and after
 * - embedding: a vector, and how alike it is to others
 * - grid: pictures that were made without a photo
 * - text: `text`
 */
type TaskView = 'bars' | 'boxes' | 'masks' | 'compare' | 'embedding' | 'grid' | 'text';

/** How pictures are wanted. */
export interface PictureWish {
  readonly format: EncodeFormat;
  /** 1–100 for jpeg and webp. */
  readonly quality?: number | undefined;
}

/** What one image is answered with. */
export interface TaskAnswer {
  /** The result in JSON, without the picture. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly picture?: Picture | undefined;
}

/** What answering may need besides the outputs. */
export interface TaskTools {
  /** Images decoded or encoded at the same time. */
  readonly imaging: Semaphore;
  /** An image as a whole, upright, while `use` looks at it. It counts as one being decoded. */
  readonly withPixels: <T>(
    image: Uint8Array,
    use: (picture: RgbPicture) => Promise<T>,
  ) => Promise<T>;
}

/** How one request runs a model, and what becomes of the outputs of each image. */
export interface Answering {
  readonly run: TaskRun;
  /** @throws ServingError INFERENCE_FAILED, and those of decoding */
  readonly postprocess: (output: RunOutput) => Promise<TaskAnswer>;
  /**
   * How an image that is too large for one run is run in parts; absent: it is refused.
   * @returns undefined for an image that one run takes
   * @throws ServingError IMAGE_SIZE_NOT_ALLOWED
   */
  readonly tiles?: ((image: Size) => TiledImage | undefined) | undefined;
}

/**
 * An image that is run in tiles. Their regions may go beyond it to the right and below, where pixels
 * of the edge are repeated.
 */
export interface TiledImage {
  /** The tile that is run before anything is known of the others. */
  readonly first: Region;
  /** Tiles that are queued or run at once; undefined: as the instances suggest. */
  readonly maxInFlight: number | undefined;
  /**
   * What the first tile's output says of the whole.
   * @throws ServingError INFERENCE_FAILED, IMAGE_SIZE_NOT_ALLOWED, IMAGE_TOO_LARGE
   */
  plan(output: Tensor): TilePlan;
}

export interface TilePlan {
  /** Every tile, the first included, in the order in which outputs are to be joined. */
  readonly regions: readonly Region[];
  /** Of the answer. */
  readonly size: Size;
  /** That the answer takes until it is encoded. */
  readonly bytes: number;
  /** Takes the memory for the answer. */
  join(): TileJoiner;
}

export interface TileJoiner {
  /** @throws ServingError INFERENCE_FAILED when the output is not as the first was */
  add(output: Tensor, signal: AbortSignal): Promise<void>;
  /** Once all have been added. */
  answer(): Promise<TaskAnswer>;
}

/**
 * One kind of model: what it takes, and what it answers.
 * @typeParam S what is known of such a model once it is loaded
 * @typeParam P parameters of a request
 */
export interface Task<S = unknown, P = unknown> {
  /** As in model.json. */
  readonly name: string;
  /** The end of its address: POST /models/{name}/{verb}. */
  readonly verb: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /**
   * Whether a request sends images, each of which is answered, or only parameters.
   * @default 'images'
   */
  readonly upload?: 'images' | 'none';
  /**
   * Whether a model without `task` in its model.json is of this kind.
   * @returns why, in words that go on after "as"; undefined when it is not
   */
  recognise(signs: ModelSigns): string | undefined;
  /** The keys of model.json that are its own. */
  readonly config: z.ZodObject;
  /**
   * What is known of a model. Contradictions are noted as problems.
   * @param config what `config` has parsed
   */
  resolve(facts: ModelFacts, config: unknown, notes: Notes): S | undefined;
  /** Outputs of the signature that are fetched for an image, the most important first. */
  outputs(settings: S): readonly string[];
  /** Those of them that may hold strings. @default none */
  textOutputs?(settings: S): readonly string[];
  /** What the rewriter may add to the graph behind the first output. */
  postprocess?(settings: S, facts: ModelFacts): Postprocess | undefined;
  /** Parameters in the query of a request, besides `format` and `quality` of pictures. */
  readonly parameters: z.ZodObject;
  /** What parameters are that a request leaves out, where the model decides it. */
  defaults?(settings: S): Readonly<Record<string, string | number | boolean>>;
  /** The result of one image in JSON, without its picture. */
  readonly result: z.ZodObject;
  /** What a row of a scored folder holds of it; undefined for tasks without an upload. */
  readonly row: AnyTaskRow | undefined;
  /** For the documents: a model and what it may answer for one image. */
  readonly example: { readonly model: string; readonly data: Readonly<Record<string, unknown>> };
  /** How pages show a result. @default as JSON */
  readonly view?: TaskView;
  /** Whether it answers pictures. */
  readonly pictures: 'always' | 'on-request' | 'never';
  /** Whether the parameters ask for a picture, where it answers them on request. */
  wantsPicture?(parameters: P): boolean;
  /** Answers that the parameters ask for, of a task without an upload. @default 1 */
  count?(parameters: P): number;
  /** @param wish how the picture is wanted; undefined: none is */
  answering(
    model: TaskModel<S>,
    parameters: P,
    wish: PictureWish | undefined,
    tools: TaskTools,
  ): Answering;
}

/** A task whose own types nobody outside of it needs to know: what it resolved goes back to it as it is. */
export interface AnyTask extends Omit<Task<never, never>, 'resolve'> {
  resolve(facts: ModelFacts, config: unknown, notes: Notes): unknown;
}

/** Checks a task's types where it is written, and forgets them. */
export function defineTask<S, P>(task: Task<S, P>): AnyTask {
  return task;
}
