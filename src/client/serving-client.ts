import type {
  Classification,
  Classifications,
  GeneratedPicture,
  GeneratedPictures,
  ModelDetails,
  ModelSummary,
  OneOf,
  Prediction,
  RepositoryEntry,
  TensorAnswer,
  Timings,
} from './answers';
import { decodeInfer, encodeInfer, HEADER_LENGTH } from './binary-protocol';
import { ServingClientError } from './client-error';
import type {
  ClassifyOptions,
  GenerateOptions,
  PredictOptions,
  RunOptions,
  ServingClientOptions,
} from './client-options';
import { imageBody, type EncodedImage } from './image-body';
import { partsOf, type Part } from './multipart';
import { imageError } from './response-error';
import { jsonOf, requestIdOf, textOf, timingsOf, type ServerAnswer } from './server-answer';
import type { TensorInput } from './tensors';
import { Transport, type Call, type CallOptions } from './transport';

/**
 * Talks to a tfjs-serving server. Every method throws a ServingClientError when it fails, and the
 * reason of the signal when it was aborted.
 */
export class ServingClient {
  readonly #transport: Transport;

  /**
   * @param url of the server, such as `http://127.0.0.1:8080`; may have a path
   * @throws TypeError when it is not a URL
   */
  constructor(url: string | URL, options: ServingClientOptions = {}) {
    this.#transport = new Transport({
      url: new URL(url).href.replace(/[?#].*$/, '').replace(/\/+$/, ''),
      timeoutMs: options.timeoutMs ?? 60_000,
      retries: options.retries ?? 3,
      baseDelayMs: options.baseDelayMs ?? 200,
      maxDelayMs: options.maxDelayMs ?? 5000,
      headers: options.headers ?? {},
      // Called without a `this`, as browsers demand.
      fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
    });
  }

  /** Labels of an image, or of several in one request: then each has its own result or error. */
  classify(image: EncodedImage, options: ClassifyOptions): Promise<Classification>;
  classify(images: readonly EncodedImage[], options: ClassifyOptions): Promise<Classifications>;
  classify(
    images: EncodedImage | readonly EncodedImage[],
    options: ClassifyOptions,
  ): Promise<Classification | Classifications> {
    const path = `${modelPath('/models', options)}/classify${query({ top: options.top })}`;
    const call = { method: 'POST', path, repeatable: true, ...imageBody(listOf(images)) } as const;
    return this.#run(call, options, (response) => {
      const requestId = requestIdOf(response);
      const { results, ...answered } = jsonOf(response) as ClassifyBody;
      const each = results.map(({ predictions, error }): Classifications['results'][number] =>
        predictions === undefined ? { error: imageError(error, requestId) } : { predictions },
      );
      if (isList(images)) return { ...answered, requestId, results: each };
      const { predictions, error } = only(each);
      if (predictions === undefined) throw error;
      return { ...answered, requestId, predictions };
    });
  }

  /** The picture that a model makes of an image, or of each of several. */
  generate(image: EncodedImage, options: GenerateOptions): Promise<GeneratedPicture>;
  generate(images: readonly EncodedImage[], options: GenerateOptions): Promise<GeneratedPictures>;
  generate(
    images: EncodedImage | readonly EncodedImage[],
    options: GenerateOptions,
  ): Promise<GeneratedPicture | GeneratedPictures> {
    const { format = 'png', quality } = options;
    const path = `${modelPath('/models', options)}/generate${query({ format, quality })}`;
    const { body, headers } = imageBody(listOf(images));
    const accept = isList(images) ? 'multipart/mixed' : `image/${format}`;
    const call = {
      method: 'POST',
      path,
      body,
      headers: { ...headers, Accept: accept },
      repeatable: true,
    } as const;
    return this.#run(call, options, (response) => {
      const answered = {
        model: options.model,
        version: Number(response.headers.get('x-model-version')),
        requestId: requestIdOf(response),
        timings: timingsOf(response),
      };
      const bytes = new Uint8Array(response.body);
      if (!isList(images)) {
        return { ...answered, bytes, mediaType: response.headers.get('content-type') ?? '' };
      }
      const parts = partsOf(bytes);
      return { ...answered, results: parts.map((part) => picture(part, answered.requestId)) };
    });
  }

  /**
   * Runs tensors through a model, by name of the input. They travel as bytes, not as text: the
   * binary extension of the Open Inference Protocol.
   */
  predict(
    inputs: Readonly<Record<string, TensorInput>>,
    options: PredictOptions,
  ): Promise<TensorAnswer> {
    const { outputs, signature } = options;
    const parameters = {
      ...options.parameters,
      ...(signature === undefined ? {} : { signature_name: signature }),
    };
    const call = {
      method: 'POST',
      path: `${modelPath('/v2/models', options)}/infer`,
      repeatable: true,
      ...encodeInfer({ inputs, outputs, parameters }),
    } as const;
    return this.#run(call, options, (response) => {
      const answer = decodeInfer(response.body, response.headers.get(HEADER_LENGTH));
      return {
        model: answer.model,
        version: Number(answer.version),
        requestId: requestIdOf(response),
        timings: timingsOf(response),
        outputs: answer.outputs,
      };
    });
  }

  /** Every model and its versions. */
  async models(options: CallOptions = {}): Promise<readonly ModelSummary[]> {
    const { models } = await this.#get<{ models: readonly ModelSummary[] }>('/models', options);
    return models;
  }

  /** One model: signatures and settings in effect. */
  model(name: string, options: CallOptions = {}): Promise<ModelDetails> {
    return this.#get(modelPath('/models', { model: name }), options);
  }

  /** What is in the model repository, loaded or not. */
  repository(options: CallOptions = {}): Promise<readonly RepositoryEntry[]> {
    const call = { method: 'POST', path: '/v2/repository/index', repeatable: true } as const;
    return this.#run(call, options, (response) => jsonOf(response) as readonly RepositoryEntry[]);
  }

  /** Loads a model, or loads it again; resolves when it is served. */
  load(name: string, options: CallOptions = {}): Promise<void> {
    return this.#control(name, 'load', options);
  }

  /** Unloads a model; resolves when it is no longer served. */
  unload(name: string, options: CallOptions = {}): Promise<void> {
    return this.#control(name, 'unload', options);
  }

  /** Whether the server answers at all. */
  live(options: CallOptions = {}): Promise<boolean> {
    return this.#probe('/v2/health/live', 'live', options);
  }

  /** Whether the server, or one of its models, can take requests. */
  ready(options: CallOptions & { readonly model?: string | undefined } = {}): Promise<boolean> {
    const { model } = options;
    const path = model === undefined ? '/v2/health' : modelPath('/v2/models', { model });
    return this.#probe(`${path}/ready`, 'ready', options);
  }

  #get<T>(path: string, options: CallOptions): Promise<T> {
    return this.#run(
      { method: 'GET', path, repeatable: true },
      options,
      (response) => jsonOf(response) as T,
    );
  }

  async #control(name: string, action: 'load' | 'unload', options: CallOptions): Promise<void> {
    const path = `${modelPath('/v2/repository/models', { model: name })}/${action}`;
    await this.#transport.send({ method: 'POST', path, repeatable: false }, options);
  }

  /** Asked once: whoever wants to wait asks again. */
  async #probe(path: string, key: 'live' | 'ready', options: CallOptions): Promise<boolean> {
    const call = { method: 'GET', path, repeatable: false, accept: [503] } as const;
    try {
      return await this.#run(call, options, (response) => {
        // Some servers of the protocol answer by the status alone.
        const { [key]: said = true } =
          textOf(response) === '' ? {} : (jsonOf(response) as Record<string, unknown>);
        return response.status === 200 && said === true;
      });
    } catch (thrown) {
      if (thrown instanceof ServingClientError && thrown.code === 'CONNECTION_FAILED') return false;
      throw thrown;
    }
  }

  /** @throws ServingClientError INVALID_RESPONSE when it cannot be read */
  async #run<T>(call: Call, options: CallOptions, read: (answer: ServerAnswer) => T): Promise<T> {
    const answer = await this.#transport.send(call, options);
    try {
      return read(answer);
    } catch (cause) {
      if (cause instanceof ServingClientError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ServingClientError(`The answer cannot be read: ${reason}`, {
        code: 'INVALID_RESPONSE',
        status: answer.status,
        requestId: requestIdOf(answer),
        cause,
      });
    }
  }
}

interface ClassifyBody {
  readonly model: string;
  readonly version: number;
  readonly timings: Timings;
  readonly results: readonly {
    readonly predictions?: readonly Prediction[];
    readonly error?: unknown;
  }[];
}

function modelPath(
  prefix: string,
  { model, version }: Pick<RunOptions, 'model' | 'version'>,
): string {
  const path = `${prefix}/${encodeURIComponent(model)}`;
  return version === undefined ? path : `${path}/versions/${version}`;
}

function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  return given.length === 0 ? '' : `?${given.join('&')}`;
}

function picture(part: Part, requestId: string | undefined): OneOf<Part> {
  if (part.mediaType.startsWith('image/')) return part;
  return { error: imageError(JSON.parse(new TextDecoder().decode(part.bytes)), requestId) };
}

function only<T>(results: readonly T[]): T {
  const [first] = results;
  if (first !== undefined) return first;
  throw new TypeError('it holds no result');
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return isList(value) ? value : [value];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
