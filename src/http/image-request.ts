import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import multer from 'multer';

import { ServingError } from '../kernel/errors';
import type { ImageSource } from '../inference/image-inference';
import { decodeBase64 } from './base64';
import { boundedMemoryStorage } from './middleware/bounded-memory-storage';
import { imageJsonSchema } from './schemas/image-api';

export interface ImageRequestLimits {
  readonly maxBodyBytes: number;
  readonly maxFileBytes: number;
  readonly maxFiles: number;
}

/** Content types that images may come in. */
export const IMAGE_REQUEST_TYPES = [
  'multipart/form-data',
  'image/*',
  'application/octet-stream',
  'application/json',
] as const;

/** Text fields that a form may hold beside its files; they are not used. */
const MAX_FIELDS = 16;

const imagesOfRequest = new WeakMap<Request, readonly ImageSource[]>();

/** The images that `readImages` found, in the order they were sent. */
export function imagesOf(request: Request): readonly ImageSource[] {
  return imagesOfRequest.get(request) ?? [];
}

/**
 * Middleware that reads images however they are sent; see IMAGE_REQUEST_TYPES.
 * Fails with BAD_REQUEST, PAYLOAD_TOO_LARGE, TOO_MANY_IMAGES or UNSUPPORTED_MEDIA_TYPE.
 */
export function readImages(limits: ImageRequestLimits): RequestHandler {
  const form = multer({
    storage: boundedMemoryStorage(limits.maxBodyBytes),
    limits: { fileSize: limits.maxFileBytes, fields: MAX_FIELDS, fieldSize: 64 * 1024 },
  }).array('image');
  const raw = express.raw({
    type: ['image/*', 'application/octet-stream'],
    limit: limits.maxFileBytes,
  });
  const json = express.json({ limit: limits.maxBodyBytes });

  return (request, response, next) => {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > limits.maxBodyBytes) {
      next(
        new ServingError(
          'PAYLOAD_TOO_LARGE',
          `The body of ${announced} bytes is over the limit of ${limits.maxBodyBytes}`,
        ),
      );
      return;
    }
    const reader = chooseReader(request, { form, raw, json });
    if (reader instanceof ServingError) {
      next(reader);
      return;
    }
    reader.parse(request, response, (thrown?: unknown) => {
      finish(request, next, limits, thrown, reader.images);
    });
  };
}

type BodyParser = (request: Request, response: Response, next: NextFunction) => void;

function chooseReader(
  request: Request,
  parsers: { readonly form: BodyParser; readonly raw: BodyParser; readonly json: BodyParser },
): { parse: BodyParser; images: (request: Request) => ImageSource[] } | ServingError {
  // Express's `is` answers null for a request without a body.
  const has = (type: string): boolean => typeof request.is(type) === 'string';
  if (has('multipart/form-data')) return { parse: parsers.form, images: fromForm };
  if (has('application/json')) return { parse: parsers.json, images: fromJson };
  if (has('image/*') || has('application/octet-stream')) {
    return { parse: parsers.raw, images: fromRaw };
  }
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

function finish(
  request: Request,
  next: NextFunction,
  limits: ImageRequestLimits,
  thrown: unknown,
  extract: (request: Request) => ImageSource[],
): void {
  try {
    if (thrown !== undefined) {
      next(thrown);
      return;
    }
    const images = extract(request);
    if (images.length > limits.maxFiles) {
      throw new ServingError(
        'TOO_MANY_IMAGES',
        `The request holds ${images.length} images; ${limits.maxFiles} are allowed`,
      );
    }
    imagesOfRequest.set(
      request,
      images.map((image) => checkSize(image, limits.maxFileBytes)),
    );
    next();
  } catch (error) {
    next(error);
  }
}

function fromForm(request: Request): ImageSource[] {
  const files = Array.isArray(request.files) ? request.files : [];
  if (files.length === 0) {
    throw new ServingError(
      'BAD_REQUEST',
      'The form holds no file; images go into the field "image"',
    );
  }
  return files.map(({ buffer }) => buffer);
}

function fromRaw(request: Request): ImageSource[] {
  const body: unknown = request.body;
  if (!(body instanceof Buffer)) throw new ServingError('BAD_REQUEST', 'The body is empty');
  return [body];
}

function fromJson(request: Request): ImageSource[] {
  const parsed = imageJsonSchema.safeParse(request.body);
  if (!parsed.success) {
    throw new ServingError(
      'BAD_REQUEST',
      'The JSON body must be {"image": {"b64": "…"}} or {"images": [{"b64": "…"}, …]}',
      { cause: parsed.error },
    );
  }
  const images = 'image' in parsed.data ? [parsed.data.image] : parsed.data.images;
  return images.map(({ b64 }) => decodeBase64(b64));
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
