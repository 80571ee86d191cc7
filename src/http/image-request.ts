import type { Request, Response } from 'express';

import { ServingError } from '../kernel/errors';
import { sniffImageFormat } from '../imaging/sniff';
import type { ImageSource } from '../inference/image-request';
import type { BodyReader } from './body/body-reader';
import { imagesFromJson, tooManyImages } from './image-json';
import { fetchImages } from './image-url/fetch-images';

/** Content types that images may come in; others are told by the first bytes. */
const IMAGE_REQUEST_TYPES = [
  'multipart/form-data',
  'image/*',
  'application/octet-stream',
  'application/json',
] as const;

export const FORM = 'multipart/form-data';
export const JSON_TYPE = /^(application|text)\/(json|[\w.-]+\+json)$/;
/** S3 has the second. */
export const FILE_TYPE = /^(image\/[\w.+*-]+|application\/octet-stream|binary\/octet-stream)$/;
/** A byte-order mark and white space may come first. */
const JSON_OBJECT = /^(?:\xef\xbb\xbf)?\s*\{/;

/**
 * The images of a request, in the order they were sent, however they are sent: see
 * IMAGE_REQUEST_TYPES. A body without a type, or of one that curl gives to everything, is told by its
 * first bytes.
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
  if (images.length > limits.maxFiles) throw tooManyImages(images.length, limits);
  return images.map((image) => checkSize(image, limits.maxFileBytes));
}

async function readAny(
  bodies: BodyReader,
  request: Request,
  response: Response,
  signal: AbortSignal,
): Promise<readonly ImageSource[]> {
  if (!hasBody(request)) throw noBody();
  const type = mediaTypeOf(request);
  if (type === FORM) return bodies.files(request, response);
  if (JSON_TYPE.test(type)) requireUtf8(request);
  const isTold = JSON_TYPE.test(type) || FILE_TYPE.test(type);
  const { maxFileBytes, maxBodyBytes } = bodies.limits;
  const body = await bodies.bytes(request, response, {
    maxBytes: FILE_TYPE.test(type) ? maxFileBytes : maxBodyBytes,
    checkHead: isTold
      ? undefined
      : (head) => {
          if (head.length > 0 && kindOf(head) === undefined) throw otherType(request);
        },
  });
  if (body.length === 0) throw noBody();
  const isJson = JSON_TYPE.test(type) || (!isTold && kindOf(body) === 'json');
  if (!isJson) return [body];
  const images = await imagesFromJson(body, bodies.limits, signal);
  return fetchImages(images, bodies, response, signal);
}

/** What a body is by its first bytes. */
export function kindOf(head: Buffer): 'image' | 'json' | undefined {
  const format = sniffImageFormat(head);
  if (format !== undefined && format !== 'html') return 'image';
  return JSON_OBJECT.test(head.toString('latin1', 0, 64)) ? 'json' : undefined;
}

/** In lower case and without parameters; empty where there is none. */
export function mediaTypeOf(request: Request): string {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  return type.trim().toLowerCase();
}

export function hasBody(request: Request): boolean {
  const { 'transfer-encoding': transfer, 'content-length': length = '0' } = request.headers;
  return transfer !== undefined || Number(length) !== 0;
}

function noBody(): ServingError {
  return new ServingError(
    'BAD_REQUEST',
    `The request has no body; send an image as ${IMAGE_REQUEST_TYPES.join(', ')}`,
  );
}

function otherType(request: Request): ServingError {
  const given = request.headers['content-type'] ?? '';
  const what = given === '' ? 'A body without a Content-Type' : `Content-Type ${given}`;
  return new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    `${what} is only accepted for what is an image by its first bytes, and this is not; send ${IMAGE_REQUEST_TYPES.join(', ')}`,
    { allowed: IMAGE_REQUEST_TYPES },
  );
}

export function requireUtf8(request: Request): void {
  const charset = /;\s*charset="?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset)) return;
  throw new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    `JSON is UTF-8; charset ${charset} is not accepted`,
  );
}

/** One image over the limit in a request of several must not cost the others their answer. */
export function checkSize(image: ImageSource, maxFileBytes: number): ImageSource {
  return image instanceof ServingError || image.length <= maxFileBytes
    ? image
    : new ServingError(
        'PAYLOAD_TOO_LARGE',
        `The image of ${image.length} bytes is over the limit of ${maxFileBytes}`,
      );
}
