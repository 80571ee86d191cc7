import { modelPath } from './addresses';
import type { ModelDetails, ModelSummary, RepositoryEntry, TensorAnswer } from './answers';
import { decodeInfer, encodeInfer, HEADER_LENGTH } from './binary-protocol';
import { ServingClientError } from './client-error';
import type {
  ClassifyOptions,
  DetectOptions,
  DetectPictureOptions,
  EmbedOptions,
  GenerateOptions,
  MakeOptions,
  PredictImageOptions,
  PredictOptions,
  RunOptions,
  SegmentOptions,
  SegmentPictureOptions,
  ServingClientOptions,
} from './client-options';
import type * as answers from './image-answers';
import { isImage, type EncodedImage, type InputValues } from './image-body';
import { askData, askMade, askPictures, type ImageAnswer, type ImageCall } from './image-calls';
import {
  readClassified,
  readDetected,
  readEmbedded,
  readMade,
  readPredicted,
  readSegmented,
  readWritten,
  type ResultBody,
} from './image-results';
import { openTransport } from './open-transport';
import { runCall } from './run-call';
import { jsonOf, requestIdOf, textOf, timingsOf, type ServerAnswer } from './server-answer';
import type { TensorInput } from './tensors';
import type { Call, CallOptions, Transport } from './transport';

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
    this.#transport = openTransport(url, options);
  }

  /** Labels of an image, or of several in one request: then each has its own result or error. */
  classify(image: EncodedImage, options: ClassifyOptions): Promise<answers.Classification>;
  classify(
    images: readonly EncodedImage[],
    options: ClassifyOptions,
  ): Promise<answers.Classifications>;
  classify(images: Images, options: ClassifyOptions): Promise<ImageAnswer<answers.Classified>> {
    const { top } = options;
    return this.#data({ verb: 'classify', images, options, query: { top } }, readClassified);
  }

  /** What is where in an image, or in each of several. */
  detect(image: EncodedImage, options: DetectOptions): Promise<answers.DetectedImage>;
  detect(images: readonly EncodedImage[], options: DetectOptions): Promise<answers.DetectedImages>;
  detect(images: Images, options: DetectOptions): Promise<ImageAnswer<answers.Detected>> {
    const { threshold } = options;
    return this.#data({ verb: 'detect', images, options, query: { threshold } }, readDetected);
  }

  /** The image with boxes and labels drawn into it, or each of several. */
  detectPicture(
    image: EncodedImage,
    options: DetectPictureOptions,
  ): Promise<answers.GeneratedPicture>;
  detectPicture(
    images: readonly EncodedImage[],
    options: DetectPictureOptions,
  ): Promise<answers.GeneratedPictures>;
  detectPicture(
    images: Images,
    options: DetectPictureOptions,
  ): Promise<ImageAnswer<answers.PictureBytes>> {
    const query = { threshold: options.threshold, render: true };
    return askPictures(this.#transport, { verb: 'detect', images, options, query });
  }

  /** Masks of what is in an image, or in each of several. */
  segment(image: EncodedImage, options: SegmentOptions): Promise<answers.SegmentedImage>;
  segment(
    images: readonly EncodedImage[],
    options: SegmentOptions,
  ): Promise<answers.SegmentedImages>;
  segment(images: Images, options: SegmentOptions): Promise<ImageAnswer<answers.Segmented>> {
    return this.#data({ verb: 'segment', images, options, query: {} }, readSegmented);
  }

  /** One mask of all classes, or the image cut out, or that of each of several. */
  segmentPicture(
    image: EncodedImage,
    options: SegmentPictureOptions,
  ): Promise<answers.GeneratedPicture>;
  segmentPicture(
    images: readonly EncodedImage[],
    options: SegmentPictureOptions,
  ): Promise<answers.GeneratedPictures>;
  segmentPicture(
    images: Images,
    options: SegmentPictureOptions,
  ): Promise<ImageAnswer<answers.PictureBytes>> {
    const query = { output: options.output ?? 'mask' };
    return askPictures(this.#transport, { verb: 'segment', images, options, query });
  }

  /** The vector of an image, or of each of several; it travels as bytes, not as text. */
  embed(image: EncodedImage, options: EmbedOptions): Promise<answers.EmbeddedImage>;
  embed(images: readonly EncodedImage[], options: EmbedOptions): Promise<answers.EmbeddedImages>;
  embed(images: Images, options: EmbedOptions): Promise<ImageAnswer<answers.Embedded>> {
    const query = { normalize: options.normalize, encoding: 'base64' };
    return this.#data({ verb: 'embed', images, options, query }, readEmbedded);
  }

  /** The picture that a model makes of an image, or of each of several. */
  generate(image: EncodedImage, options: GenerateOptions): Promise<answers.GeneratedPicture>;
  generate(
    images: readonly EncodedImage[],
    options: GenerateOptions,
  ): Promise<answers.GeneratedPictures>;
  /** Pictures from parameters, by role: a label, numbers, a seed. Each has its result or error. */
  generate(inputs: InputValues, options: MakeOptions): Promise<answers.MadePictures>;
  generate(
    from: Images | InputValues,
    options: GenerateOptions | MakeOptions,
  ): Promise<ImageAnswer<answers.PictureBytes> | answers.MadePictures> {
    if (isImage(from) || isImages(from)) {
      const call = { verb: 'generate', images: from, options, query: {} };
      return askPictures(this.#transport, call);
    }
    const { n, format, quality } = options as MakeOptions;
    const query = { n, format, quality };
    return askMade(this.#transport, from, { options, query }, readMade);
  }

  /**
   * A text from a text, by a model of text-generation.
   * @param prompt or all that the model takes, by role
   */
  async generateText(
    prompt: string | InputValues,
    options: RunOptions,
  ): Promise<answers.WrittenText> {
    const inputs = typeof prompt === 'string' ? { prompt } : prompt;
    const made = await askMade(this.#transport, inputs, { options, query: {} }, readWritten);
    const { results, ...answered } = made;
    const [only] = results;
    if (only?.text === undefined) throw only?.error ?? new TypeError('the answer holds no text');
    return { ...answered, text: only.text, seed: only.seed };
  }

  /** Whatever a model makes of an image, or of each of several. For tensors: `predict`. */
  predictImage(image: EncodedImage, options: PredictImageOptions): Promise<answers.PredictedImage>;
  predictImage(
    images: readonly EncodedImage[],
    options: PredictImageOptions,
  ): Promise<answers.PredictedImages>;
  predictImage(
    images: Images,
    options: PredictImageOptions,
  ): Promise<ImageAnswer<answers.Predicted>> {
    const { parameters, format, quality } = options;
    const query = { ...parameters, format, quality };
    return this.#data({ verb: 'predict', images, options, query }, readPredicted);
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

  #data<T extends object>(call: ImageCall, read: (body: ResultBody) => T): Promise<ImageAnswer<T>> {
    return askData(this.#transport, call, read);
  }

  #run<T>(call: Call, options: CallOptions, read: (answer: ServerAnswer) => T): Promise<T> {
    return runCall(this.#transport, call, options, read);
  }
}

type Images = EncodedImage | readonly EncodedImage[];

function isImages(from: Images | InputValues): from is readonly EncodedImage[] {
  return Array.isArray(from);
}
