import { ServingError } from '../kernel/errors';
import { inSlices, type Steps } from '../kernel/time-slices';
import type { ImageSource } from '../inference/image-request';
import type { BodyLimits } from './body/body-limits';
import { RemoteImage } from './image-url/fetch-images';
import { decodeBase64InPlace } from './json/base64-in-place';
import type { JsonLimits } from './json/json-limits';
import { JsonSlice } from './json/json-slice';
import { readStringInPlace } from './json/json-string';
import { readDocument, type Captures } from './json/read-document';
import { imageSlicesSchema } from './schemas/image-api';

/** The files are read by themselves: they may be long. */
const CAPTURES: Captures = { image: { b64: true }, images: { '*': { b64: true } } };
const SHAPE =
  '{"image": {"b64": "…"}} or {"images": [{"b64": "…"}, …]}, with "url" in the place of "b64" where images are fetched';
const KEYS = ['image', 'images'];
const IMAGE_KEYS = ['b64', 'url'];

/**
 * The images of a JSON body, in the order they were sent. What is not base64 fails its image alone.
 * @throws ServingError BAD_REQUEST, TOO_MANY_IMAGES, PAYLOAD_TOO_LARGE, CLIENT_CLOSED_REQUEST
 */
export async function imagesFromJson(
  body: Buffer,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<readonly (ImageSource | RemoteImage)[]> {
  const json = jsonLimits(limits);
  const document = await readDocument(body, {
    captures: CAPTURES,
    limits: json,
    capturedLimits: json,
    signal,
  });
  const parsed = imageSlicesSchema.safeParse(document);
  if (!parsed.success) {
    throw new ServingError('BAD_REQUEST', `${problemOf(document)}; it must be ${SHAPE}`, {
      cause: parsed.error,
    });
  }
  const images = 'image' in parsed.data ? [parsed.data.image] : parsed.data.images;
  if (images.length > limits.maxFiles) throw tooManyImages(images.length, limits);
  const sources: (ImageSource | RemoteImage)[] = [];
  for (const image of images) {
    sources.push(
      'url' in image ? new RemoteImage(image.url) : await inSlices(decoded(image.b64), signal),
    );
  }
  return sources;
}

/** @returns TOO_MANY_IMAGES */
export function tooManyImages(images: number, { maxFiles }: BodyLimits): ServingError {
  return new ServingError(
    'TOO_MANY_IMAGES',
    `The request holds ${images} images; ${maxFiles} are allowed`,
  );
}

/** What a request of so many images can be made of, many times over. */
function jsonLimits({ maxFiles }: BodyLimits): JsonLimits {
  const most = 64 + 4 * maxFiles;
  return { maxDepth: 8, maxContainers: most, maxValues: most, maxKeys: most };
}

/** The file takes the place of its base64 in the body: there is no copy of it. */
export function* decoded(b64: JsonSlice): Steps<ImageSource> {
  const range = yield* readStringInPlace(b64.cursor());
  const bytes = yield* decodeBase64InPlace(b64.bytes, range);
  return bytes === undefined
    ? new ServingError('BAD_REQUEST', 'The value of "b64" is not base64')
    : b64.bytes.subarray(bytes.start, bytes.end);
}

/** What is wrong with a body that is not of the right shape, as a sentence without its end. */
function problemOf(document: unknown): string {
  if (!isObject(document)) return 'The JSON body is not an object';
  const unknown = unknownKeys(document, KEYS);
  if (unknown !== undefined) return `The JSON body has ${unknown}`;
  if ('image' in document && 'images' in document) {
    return 'The JSON body has both "image" and "images"';
  }
  if ('image' in document) return problemOfImage(document.image, 'image');
  if (!('images' in document)) return 'The JSON body has no image';
  const { images } = document;
  if (!Array.isArray(images)) return '"images" in the JSON body is not a list';
  if (images.length === 0) return '"images" in the JSON body is empty';
  const problems = images.map((image, index) => problemOfImage(image, `images[${index}]`));
  return problems.find((problem) => problem !== '') ?? 'The JSON body is not as it should be';
}

/** @returns '' where it is as it should be */
export function problemOfImage(image: unknown, where: string): string {
  if (!isObject(image)) return `"${where}" in the JSON body is not an object`;
  const unknown = unknownKeys(image, IMAGE_KEYS);
  if (unknown !== undefined) return `"${where}" in the JSON body has ${unknown}`;
  if ('b64' in image && 'url' in image) {
    return `"${where}" in the JSON body has both "b64" and "url"`;
  }
  if ('url' in image) {
    return typeof image.url === 'string' ? '' : `"${where}.url" in the JSON body is not a string`;
  }
  if (!('b64' in image)) return `"${where}" in the JSON body has no "b64"`;
  const isText = image.b64 instanceof JsonSlice && image.b64.isString;
  return isText ? '' : `"${where}.b64" in the JSON body is not a string`;
}

function unknownKeys(value: object, known: readonly string[]): string | undefined {
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  if (unknown.length === 0) return undefined;
  const [first = '', ...others] = unknown.slice(0, 5).map((key) => `"${key.slice(0, 64)}"`);
  return `the unknown key${others.length > 0 ? 's' : ''} ${[first, ...others].join(', ')}`;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
