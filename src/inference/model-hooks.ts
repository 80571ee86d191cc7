import type { IncomingHttpHeaders } from 'node:http';

import { messageOf, ServingError } from '../kernel/errors';
import type { Tensor } from '../kernel/tensor';

/** The model that a hook is called for. */
export interface HookContext {
  readonly model: string;
  readonly version: number;
}

/** What the model's own task answers for an image. */
export type ImageData = Readonly<Record<string, unknown>>;

export interface PostprocessContext extends HookContext {
  /** Of the labels file, where there is one. */
  readonly labels: readonly string[] | undefined;
  /** What the task of the model would answer. */
  readonly answer: ImageData;
}

/** A request before its body is read. */
export interface HookRequest {
  readonly model: string;
  readonly method: string;
  /** Path and query as they came, below what the router is mounted at. */
  readonly url: string;
  /** With names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string | undefined;
}

/**
 * Code of yours for one model. It runs in the HTTP process: what takes long there keeps others waiting.
 * A hook that throws fails its request alone, with HOOK_FAILED, or with a ServingError that it throws.
 */
export interface ModelHooks {
  /**
   * Sees every encoded image first, whatever way it came.
   * @returns the encoded image that the model is given in its place
   */
  readonly preprocess?:
    ((image: Uint8Array, context: HookContext) => Uint8Array | Promise<Uint8Array>) | undefined;
  /**
   * Sees the outputs of the model's signature for one image, the dimension of the batch being 1.
   * Requests for tensors are answered without it.
   * @returns what is answered for the image, as JSON; undefined: what the task answers
   */
  readonly postprocess?:
    | ((
        outputs: readonly Tensor[],
        context: PostprocessContext,
      ) => ImageData | undefined | Promise<ImageData | undefined>)
    | undefined;
  /**
   * Decides about every HTTP request whose address names the model, before its body is read. Calls
   * without HTTP do not ask.
   * @returns true to let it through; anything else is answered 403
   */
  readonly authorize?: ((request: HookRequest) => boolean | Promise<boolean>) | undefined;
}

export type HookName = keyof ModelHooks;

export interface HookRunnerOptions {
  /** By the name of the model. */
  readonly hooks: Readonly<Record<string, ModelHooks>>;
  /** Milliseconds that a hook may take. */
  readonly timeoutMs: number;
  /** Told of every hook that failed. */
  readonly onFailure: (model: string, hook: HookName, error: unknown) => void;
}

/** Runs hooks, and keeps what they throw to their own request. */
export class HookRunner {
  readonly #options: HookRunnerOptions;

  constructor(options: HookRunnerOptions) {
    this.#options = options;
  }

  /** @throws ServingError HOOK_FAILED, and those that the hook throws */
  async preprocess(image: Uint8Array, context: HookContext): Promise<Uint8Array> {
    const hook = this.#of(context.model).preprocess;
    if (hook === undefined) return image;
    return this.#run(context.model, 'preprocess', async () => {
      const made: unknown = await hook(image, context);
      if (made instanceof Uint8Array) return made;
      throw new TypeError('it returned no Uint8Array');
    });
  }

  /** Whether answers of this model need the outputs of its signature. */
  postprocesses(model: string): boolean {
    return this.#of(model).postprocess !== undefined;
  }

  /** @throws ServingError HOOK_FAILED, and those that the hook throws */
  async postprocess(outputs: readonly Tensor[], context: PostprocessContext): Promise<ImageData> {
    const hook = this.#of(context.model).postprocess;
    if (hook === undefined) return context.answer;
    return this.#run(context.model, 'postprocess', async () => {
      const made: unknown = await hook(outputs, context);
      return made === undefined ? context.answer : plainObject(made);
    });
  }

  /** @throws ServingError FORBIDDEN, HOOK_FAILED, and those that the hook throws */
  async authorize(request: HookRequest): Promise<void> {
    const hook = this.#of(request.model).authorize;
    if (hook === undefined) return;
    const allowed: unknown = await this.#run(request.model, 'authorize', async () => hook(request));
    if (allowed === true) return;
    throw new ServingError('FORBIDDEN', `This request may not use the model "${request.model}"`);
  }

  #of(model: string): ModelHooks {
    const { hooks } = this.#options;
    return Object.hasOwn(hooks, model) ? (hooks[model] ?? {}) : {};
  }

  async #run<T>(model: string, name: HookName, call: () => Promise<T>): Promise<T> {
    try {
      return await this.#inTime(call());
    } catch (cause) {
      if (cause instanceof ServingError) throw cause;
      this.#options.onFailure(model, name, cause);
      throw new ServingError('HOOK_FAILED', `The ${name} hook of the model "${model}" failed`, {
        cause,
      });
    }
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`it took longer than ${timeoutMs} ms`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** As it is sent: what JSON cannot say is found here, not half-way through an answer. */
function plainObject(value: unknown): ImageData {
  const problem = 'it returned neither an object for JSON nor undefined';
  // For a function or a symbol there is no text, whatever the type says.
  let text: unknown;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`${problem}: ${messageOf(cause)}`, { cause });
  }
  if (typeof text !== 'string' || !text.startsWith('{')) throw new TypeError(problem);
  return JSON.parse(text) as ImageData;
}
