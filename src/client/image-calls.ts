import { modelPath, queryText, type Query } from './addresses';
import type { Answered, OneOf } from './answers';
import { ServingClientError } from './client-error';
import type { ImageOptions, PictureOptions, RunOptions } from './client-options';
import type { PictureBytes, Several } from './image-answers';
import { imageBody, inputsBody, type EncodedImage, type InputValues } from './image-body';
import type { ResultBody } from './image-results';
import { partsOf, type Part } from './multipart';
import { imageError } from './response-error';
import { runCall } from './run-call';
import { jsonOf, requestIdOf, timingsOf } from './server-answer';
import type { Call, Transport } from './transport';

/** Images for a model. */
export interface ImageCall<O extends ImageOptions = ImageOptions> {
  /** The end of the address, such as `classify`. */
  readonly verb: string;
  /** In a list even where there is one: then the answer is a list, too. */
  readonly images: EncodedImage | readonly EncodedImage[];
  readonly options: O;
  /** Parameters of the task. */
  readonly query: Query;
}

/** Of one image its result, of a list of images the results. */
export type ImageAnswer<T> = (Answered & T) | Several<T>;

/**
 * Asks for data.
 * @throws ServingClientError; the error of the only image is that of the call
 */
export function askData<T extends object>(
  transport: Transport,
  { verb, images, options, query }: ImageCall,
  read: (body: ResultBody) => T,
): Promise<ImageAnswer<T>> {
  const { body, headers } = imageBody(listOf(images), options.inputs);
  const call: Call = {
    method: 'POST',
    path: `${modelPath('/models', options)}/${verb}${queryText(query)}`,
    body,
    headers: { ...headers, Accept: 'application/json' },
    repeatable: true,
  };
  return runCall(transport, call, options, (response) => {
    const requestId = requestIdOf(response);
    const { results, ...answered } = jsonOf(response) as DataBody;
    const each = results.map((result) =>
      result.error === undefined ? read(result) : imageError(result.error, requestId),
    );
    return inForm({ ...answered, requestId }, each, isList(images));
  });
}

interface DataBody extends Omit<Answered, 'requestId'> {
  readonly results: readonly ResultBody[];
}

/**
 * Asks for a picture of each image.
 * @throws ServingClientError; the error of the only image is that of the call
 */
export function askPictures(
  transport: Transport,
  { verb, images, options, query }: ImageCall<PictureOptions>,
): Promise<ImageAnswer<PictureBytes>> {
  const { format = 'png', quality } = options;
  const { body, headers } = imageBody(listOf(images), options.inputs);
  const call: Call = {
    method: 'POST',
    path: `${modelPath('/models', options)}/${verb}${queryText({ ...query, format, quality })}`,
    body,
    headers: { ...headers, Accept: isList(images) ? 'multipart/mixed' : `image/${format}` },
    repeatable: true,
  };
  return runCall(transport, call, options, (response) => {
    const answered = {
      model: options.model,
      version: Number(response.headers.get('x-model-version')),
      requestId: requestIdOf(response),
      timings: timingsOf(response),
    };
    const bytes = new Uint8Array(response.body);
    const each = isList(images)
      ? partsOf(bytes).map((part) => pictureOrError(part, answered.requestId))
      : [{ bytes, mediaType: response.headers.get('content-type') ?? '' }];
    return inForm(answered, each, isList(images));
  });
}

/**
 * Asks for what a model makes from parameters.
 * @throws ServingClientError
 */
export function askMade<T extends object>(
  transport: Transport,
  inputs: InputValues,
  { options, query }: { readonly options: RunOptions; readonly query: Query },
  read: (body: ResultBody) => T,
): Promise<Several<T>> {
  const { body, headers } = inputsBody(inputs);
  const call: Call = {
    method: 'POST',
    path: `${modelPath('/models', options)}/generate${queryText(query)}`,
    body,
    headers: { ...headers, Accept: 'application/json' },
    repeatable: true,
  };
  return runCall(transport, call, options, (response) => {
    const requestId = requestIdOf(response);
    const { results, ...answered } = jsonOf(response) as DataBody;
    const each = results.map((result) =>
      result.error === undefined ? read(result) : imageError(result.error, requestId),
    );
    return inForm({ ...answered, requestId }, each, true) as Several<T>;
  });
}

function pictureOrError(
  part: Part,
  requestId: string | undefined,
): PictureBytes | ServingClientError {
  if (part.mediaType.startsWith('image/')) return part;
  return imageError(JSON.parse(new TextDecoder().decode(part.bytes)), requestId);
}

/** @throws ServingClientError that of the only image */
function inForm<T extends object>(
  answered: Answered,
  each: readonly (T | ServingClientError)[],
  asList: boolean,
): ImageAnswer<T> {
  if (asList) {
    // The compiler does not see that an error and nothing else is one of the two.
    const results = each.map((one) =>
      one instanceof ServingClientError ? { error: one } : one,
    ) as unknown as readonly OneOf<T>[];
    return { ...answered, results };
  }
  const [only] = each;
  if (only === undefined) throw new TypeError('it holds no result');
  if (only instanceof ServingClientError) throw only;
  return { ...answered, ...only };
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return isList(value) ? value : [value];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
