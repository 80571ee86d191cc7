import type { Request, Response } from 'express';

import { ServingError } from '../kernel/errors';
import { inSlices, type Steps } from '../kernel/time-slices';
import type { ImageSource } from '../inference/image-request';
import type { BodyLimits, BodyReader } from './body/body-reader';
import { decodeBase64InPlace } from './json/base64-in-place';
import type { JsonLimits } from './json/json-limits';
import type { JsonSlice } from './json/json-slice';
import { readStringInPlace } from './json/json-string';
import { readDocument, type Captures } from './json/read-document';
import { imageSlicesSchema } from './schemas/image-api';

/** Content types that images may come in. */
export const IMAGE_REQUEST_TYPES = [
  'multipart/form-data',
  'image/*',
  'application/octet-stream',
  'application/json',
] as const;

/** The files are read by themselves: they may be long. */
const CAPTURES: Captures = { image: { b64: true }, images: { '*': { b64: true } } };

/**
 * The images of a request, in the order they were sent, however they are sent: see
 * IMAGE_REQUEST_TYPES.
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE, TOO_MANY_IMAGES, UNSUPPORTED_MEDIA_TYPE,
 *   OVERLOADED, REQUEST_TIMEOUT, CLIENT_CLOSED_REQUEST
 */
export async function readImages(
  bodies: BodyReader,
  request: Request,
  response: Response,
  signal: AbortSignal,
): Promise<readonly ImageSource[]> {
  const { limits } = bodies;
  const images = await readAny(bodies, request, response, signal);
  if (images.length > limits.maxFiles) throw tooMany(images.length, limits);
  return images.map((image) => checkSize(image, limits.maxFileBytes));
}

async function readAny(
  bodies: BodyReader,
  request: Request,
  response: Response,
  signal: AbortSignal,
): Promise<readonly ImageSource[]> {
  // Express's `is` answers null for a request without a body.
  const has = (type: string): boolean => typeof request.is(type) === 'string';
  if (has('multipart/form-data')) {
    const files = await bodies.files(request, response);
    if (files.length > 0) return files;
    throw new ServingError(
      'BAD_REQUEST',
      'The form holds no file; images go into the field "image"',
    );
  }
  if (has('application/json')) {
    requireUtf8(request);
    return fromJson(await bodies.bytes(request, response), bodies.limits, signal);
  }
  if (has('image/*') || has('application/octet-stream')) {
    const { maxFileBytes } = bodies.limits;
    const body = await bodies.bytes(request, response, { maxBytes: maxFileBytes });
    if (body.length > 0) return [body];
    throw new ServingError('BAD_REQUEST', 'The body is empty');
  }
  throw otherType(request);
}

function otherType(request: Request): ServingError {
  const given = request.headers['content-type'];
  const empty =
    request.headers['transfer-encoding'] === undefined &&
    Number(request.headers['content-length'] ?? 0) === 0;
  if (empty && given === undefined) {
    return new ServingError(
      'BAD_REQUEST',
      `The request has no body; send an image as ${IMAGE_REQUEST_TYPES.join(', ')}`,
    );
  }
  return new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    `${given === undefined ? 'A body without a Content-Type' : `Content-Type ${given}`} is not accepted; send ${IMAGE_REQUEST_TYPES.join(', ')}`,
    { allowed: IMAGE_REQUEST_TYPES },
  );
}

function requireUtf8(request: Request): void {
  const charset = /;\s*charset="?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset)) return;
  throw new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    `JSON is UTF-8; charset ${charset} is not accepted`,
  );
}

/** What a request of so many images can be made of, many times over. */
function jsonLimits({ maxFiles }: BodyLimits): JsonLimits {
  const most = 64 + 4 * maxFiles;
  return { maxDepth: 8, maxContainers: most, maxValues: most, maxKeys: most };
}

async function fromJson(
  body: Buffer,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<readonly ImageSource[]> {
  const json = jsonLimits(limits);
  const document = await readDocument(body, {
    captures: CAPTURES,
    limits: json,
    capturedLimits: json,
    signal,
  });
  const parsed = imageSlicesSchema.safeParse(document);
  if (!parsed.success) {
    throw new ServingError(
      'BAD_REQUEST',
      'The JSON body must be {"image": {"b64": "…"}} or {"images": [{"b64": "…"}, …]}',
      { cause: parsed.error },
    );
  }
  const images = 'image' in parsed.data ? [parsed.data.image] : parsed.data.images;
  if (images.length > limits.maxFiles) throw tooMany(images.length, limits);
  const sources: ImageSource[] = [];
  for (const { b64 } of images) sources.push(await inSlices(decoded(b64), signal));
  return sources;
}

/** The file takes the place of its base64 in the body: there is no copy of it. */
function* decoded(b64: JsonSlice): Steps<ImageSource> {
  const range = yield* readStringInPlace(b64.cursor());
  const bytes = yield* decodeBase64InPlace(b64.bytes, range);
  return bytes === undefined
    ? new ServingError('BAD_REQUEST', 'The value of "b64" is not base64')
    : b64.bytes.subarray(bytes.start, bytes.end);
}

function tooMany(images: number, { maxFiles }: BodyLimits): ServingError {
  return new ServingError(
    'TOO_MANY_IMAGES',
    `The request holds ${images} images; ${maxFiles} are allowed`,
  );
}

/** One image over the limit in a request of several must not cost the others their answer. */
function checkSize(image: ImageSource, maxFileBytes: number): ImageSource {
  return image instanceof ServingError || image.length <= maxFileBytes
    ? image
    : new ServingError(
        'PAYLOAD_TOO_LARGE',
        `The image of ${image.length} bytes is over the limit of ${maxFileBytes}`,
      );
}
