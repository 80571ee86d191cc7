import type { IncomingMessage, ServerResponse } from 'node:http';

import type {
  Classified,
  Detected,
  Embedded,
  Segmented,
  SizedPicture,
} from '../client/image-answers';
import {
  readClassified,
  readDetected,
  readEmbedded,
  readSegmented,
  type ResultBody,
} from '../client/image-results';
import type { Tensor, TensorInput } from '../client/tensors';
import { createMountedService, type MountedService } from '../compose';
import { IMAGE_MEDIA_TYPES } from '../imaging/encode';
import type { MoreOfRequest } from '../inference/image-request';
import { HookRunner } from '../inference/model-hooks';
import { ServingError } from '../kernel/errors';
import type { RequestTimings } from '../models/servable-statistics';
import type { PictureWish, TaskAnswer } from '../tasks/task';
import { requireRuntime } from '../runtime/runtime-install';
import { createLogger } from '../telemetry/logger';
import { configOf, type ServingOptions } from './serving-options';
import { answeredTensor, modelTensor } from './tensors';

/** Milliseconds that a hook may take unless it is said. */
const HOOK_TIMEOUT_MS = 30_000;

/** Which model runs. */
export interface RunOptions {
  readonly model: string;
  /** The newest available when absent. */
  readonly version?: number | undefined;
  /**
   * What the model takes besides, by role, as its model.json has it: numbers, labels, text, a `seed`, and
   * encoded images for further pictures.
   */
  readonly inputs?: Readonly<Record<string, unknown>> | undefined;
  /** Takes the image out of the queue. */
  readonly signal?: AbortSignal | undefined;
}

export interface ClassifyOptions extends RunOptions {
  /** @default `output.topK` of the model, else 5 */
  readonly top?: number | undefined;
}

export interface DetectOptions extends RunOptions {
  /** Lowest score that is answered, 0 to 1. @default `threshold` of the model, else 0.5 */
  readonly threshold?: number | undefined;
}

export interface EmbedOptions extends RunOptions {
  /** Vectors of unit length. @default `normalize` of the model, else false */
  readonly normalize?: boolean | undefined;
}

export interface GenerateOptions extends RunOptions {
  /** @default 'png' */
  readonly format?: 'png' | 'jpeg' | 'webp' | undefined;
  /** 1 to 100; not used for PNG. @default 90 */
  readonly quality?: number | undefined;
}

export interface PredictOptions extends Omit<RunOptions, 'inputs'> {
  /** Signature of the SavedModel. @default that of model.json, else serving_default */
  readonly signature?: string | undefined;
  /** Names of the outputs to answer; all when absent. */
  readonly outputs?: readonly string[] | undefined;
}

/** With every answer. */
export interface Answered {
  readonly model: string;
  /** The version that answered. */
  readonly version: number;
  readonly timings: RequestTimings;
}

export interface ModelSummary {
  readonly name: string;
  readonly ready: boolean;
  /** Versions that are served, in rising order. */
  readonly versions: readonly number[];
}

/** A handler as Express, Connect and node:http take it. */
export type ServingRouter = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Models in this program: as addresses of its own server, and as functions. Images are encoded files
 * (JPEG, PNG, …). Every function throws a ServingError, with the codes of docs/errors.md.
 */
export class Serving {
  /**
   * All addresses of the server, below wherever it is mounted; what it does not know is passed on.
   * Mount it before parsers of bodies.
   */
  readonly router: ServingRouter;
  readonly #parts: MountedService;

  /** @throws Error that lists every option that is wrong */
  constructor(options: ServingOptions) {
    const config = configOf(options);
    const logger = options.logger ?? createLogger(config.logLevel, 'json', 'stderr');
    const hooks = new HookRunner({
      hooks: options.hooks ?? {},
      timeoutMs: options.hookTimeoutMs ?? HOOK_TIMEOUT_MS,
      onFailure: (model, hook, error) => {
        logger.error({ model, hook, err: error }, 'hook failed');
      },
    });
    this.#parts = createMountedService(config, logger, hooks);
    const { app } = this.#parts;
    this.router = (request, response, next) => {
      // Handed over as by Express itself, whose types ask for its own requests.
      (app as unknown as ServingRouter)(request, response, next);
    };
  }

  /**
   * Loads the models. Resolves when every load has ended, well or badly: see `ready`.
   * @throws Error when set-up has not run, or the model repository cannot be read
   */
  async start(): Promise<void> {
    requireRuntime();
    await this.#parts.service.start();
  }

  /**
   * Takes nothing new, answers what it has taken, and unloads the models.
   * @returns whether everything finished within `drainTimeoutMs`
   */
  stop(): Promise<boolean> {
    return this.#parts.service.stop({ delay: false });
  }

  /** Looks through the model repository again, and loads and unloads what has changed. */
  reload(): Promise<void> {
    return this.#parts.service.reload();
  }

  /** Whether every model that can be served is. */
  get ready(): boolean {
    return this.#parts.manager.ready;
  }

  /** By name. */
  models(): ModelSummary[] {
    return this.#parts.manager.list().map(({ name, servables }) => {
      const available = servables.filter(({ state }) => state === 'AVAILABLE');
      return {
        name,
        ready: available.some(({ ready }) => ready),
        versions: available.map(({ version }) => version),
      };
    });
  }

  /** Labels of an image. */
  async classify(image: Uint8Array, options: ClassifyOptions): Promise<Answered & Classified> {
    return this.#data('classify', image, options, { top: options.top }, readClassified);
  }

  /** What is where in an image. */
  async detect(image: Uint8Array, options: DetectOptions): Promise<Answered & Detected> {
    const { threshold } = options;
    return this.#data('detect', image, options, { threshold }, readDetected);
  }

  /** Masks of what is in an image. */
  async segment(image: Uint8Array, options: RunOptions): Promise<Answered & Segmented> {
    return this.#data('segment', image, options, {}, readSegmented);
  }

  /** The vector of an image. */
  async embed(image: Uint8Array, options: EmbedOptions): Promise<Answered & Embedded> {
    return this.#data('embed', image, options, { normalize: options.normalize }, readEmbedded);
  }

  /** A picture made from an image; undefined for models that take none. */
  async generate(
    image: Uint8Array | undefined,
    options: GenerateOptions,
  ): Promise<Answered & SizedPicture> {
    const { format = 'png', quality } = options;
    const { answered, value } = await this.#answer(
      'generate',
      image,
      options,
      {},
      {
        format,
        quality,
      },
    );
    const { picture } = value;
    if (picture === undefined) throw new TypeError('an answer has no picture');
    const { bytes, width, height } = picture;
    return { ...answered, bytes, mediaType: IMAGE_MEDIA_TYPES[picture.format], width, height };
  }

  /** Text that a model writes, for the prompt and whatever else is in `inputs`. */
  async generateText(options: RunOptions): Promise<Answered & { readonly text: string }> {
    const { answered, value } = await this.#answer('generate', undefined, options, {}, undefined);
    const { text } = value.data as { readonly text?: unknown };
    if (typeof text !== 'string') throw new TypeError(`model ${options.model} writes no text`);
    return { ...answered, text };
  }

  /** Tensors in, tensors out, by name. */
  async predict(
    inputs: Readonly<Record<string, TensorInput>>,
    { model, version, signature, outputs, signal }: PredictOptions,
  ): Promise<Answered & { readonly outputs: Readonly<Record<string, Tensor>> }> {
    const run = { model, version, signal };
    const answer = await this.#inMemory(run, () =>
      this.#parts.tensors.infer({
        ...run,
        signature,
        inputs: () => Object.entries(inputs).map(([name, input]) => modelTensor(name, input)),
        outputs: () => outputs,
      }),
    );
    return {
      model,
      version: answer.target.version,
      timings: answer.timings,
      outputs: Object.fromEntries(
        answer.outputs.map((output) => [output.name, answeredTensor(output)]),
      ),
    };
  }

  async #data<T extends object>(
    verb: string,
    image: Uint8Array,
    options: RunOptions,
    parameters: Parameters,
    read: (body: ResultBody) => T,
  ): Promise<Answered & T> {
    const { answered, value } = await this.#answer(verb, image, options, parameters, undefined);
    return { ...answered, ...read(value.data) };
  }

  /** A model that is loaded on demand is there while `work` uses it. */
  async #inMemory<T>({ model, version, signal }: RunOptions, work: () => Promise<T>): Promise<T> {
    const { manager } = this.#parts;
    const coming = manager.bring(model, version, signal === undefined ? undefined : () => signal);
    const release = await coming;
    try {
      return await work();
    } finally {
      release?.();
    }
  }

  #answer(
    verb: string,
    image: Uint8Array | undefined,
    options: RunOptions,
    parameters: Parameters,
    wish: PictureWish | undefined,
  ): Promise<{ readonly answered: Answered; readonly value: TaskAnswer }> {
    return this.#inMemory(options, () => this.#admitted(verb, image, options, parameters, wish));
  }

  async #admitted(
    verb: string,
    image: Uint8Array | undefined,
    { model, version, signal, inputs }: RunOptions,
    parameters: Parameters,
    wish: PictureWish | undefined,
  ): Promise<{ readonly answered: Answered; readonly value: TaskAnswer }> {
    const { inference } = this.#parts;
    const { task } = inference.admit(model, version, verb);
    // As a query has them.
    const texts = Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as const],
    );
    const parsed = task.parameters.safeParse(Object.fromEntries(texts));
    if (!parsed.success) {
      const problems = parsed.error.issues.map(
        ({ path, message }) => `${path.join('.')} ${message}`,
      );
      throw new ServingError('BAD_REQUEST', problems.join('; '));
    }
    const { results, timings, ...answer } = await inference.answer(
      { model, version, images: image === undefined ? [] : [image], more: moreOf(inputs), signal },
      { task, parameters: parsed.data, wish },
    );
    const [result] = results;
    if (result === undefined) throw new TypeError('an image has no result');
    if (!result.ok) throw result.error;
    return {
      answered: { model: answer.model, version: answer.version, timings },
      value: result.value,
    };
  }
}

/** Bytes are pictures, everything else is a value. */
function moreOf(inputs: RunOptions['inputs']): MoreOfRequest | undefined {
  if (inputs === undefined) return undefined;
  const entries = Object.entries(inputs);
  const pictures = entries.flatMap(([role, value]) =>
    value instanceof Uint8Array ? [[role, [value]] as const] : [],
  );
  const values = entries.filter(([, value]) => !(value instanceof Uint8Array));
  return { values: Object.fromEntries(values), pictures: new Map(pictures) };
}

type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Models for this program to serve: mount `router`, call `start`, and at the end `stop`. Nothing runs
 * before `start`; the TensorFlow libraries have to be set up (`npx tfjs-serving setup`).
 * @throws Error that lists every option that is wrong
 */
export function createServing(options: ServingOptions = {}): Serving {
  return new Serving(options);
}
