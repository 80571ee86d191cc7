import { randomUUID } from 'node:crypto';

import type { Request, Response } from 'express';

import { ServingError } from '../kernel/errors';
import type { ImageAnswer, ImageResult, Picture } from '../inference/image-request';
import { IMAGE_MEDIA_TYPES, type EncodeFormat } from '../imaging/encode';
import type { RequestTimings } from '../models/servable-statistics';
import { sendJsonText, writePiece } from './json-text';
import { problemDetails, PROBLEM_MEDIA_TYPE } from './middleware/problem-details';
import { base64Text, type TextPieces } from './tensors/tensor-text';

export const JSON_TYPE = 'application/json';
export const MULTIPART_TYPE = 'multipart/mixed';

const FORMATS = Object.keys(IMAGE_MEDIA_TYPES) as EncodeFormat[];

/** How generated pictures go back. */
export interface PictureNegotiation {
  readonly format: EncodeFormat;
  /** The picture itself, JSON with base64, or one part each. */
  readonly envelope: 'none' | 'json' | 'multipart';
}

/**
 * Chooses from ?format= and Accept. One image is answered by the picture itself, several by JSON;
 * Accept can ask for JSON or multipart/mixed in either case.
 * @throws ServingError NOT_ACCEPTABLE
 */
export function negotiatePictures(
  request: Request,
  images: number,
  format: EncodeFormat | undefined,
): PictureNegotiation {
  const envelopes = [JSON_TYPE, MULTIPART_TYPE];
  const pictures = (format === undefined ? FORMATS : [format]).map((f) => IMAGE_MEDIA_TYPES[f]);
  const offered = images === 1 ? [...pictures, ...envelopes] : envelopes;
  const chosen = request.accepts(offered);
  if (chosen === false) {
    throw new ServingError(
      'NOT_ACCEPTABLE',
      `Accept: ${request.headers.accept ?? ''} allows none of ${offered.join(', ')}`,
      { allowed: offered },
    );
  }
  const byType = FORMATS.find((f) => IMAGE_MEDIA_TYPES[f] === chosen);
  return {
    format: byType ?? format ?? acceptedFormat(request) ?? 'png',
    envelope: chosen === JSON_TYPE ? 'json' : chosen === MULTIPART_TYPE ? 'multipart' : 'none',
  };
}

/** A picture type named beside application/json tells what to put inside. */
function acceptedFormat(request: Request): EncodeFormat | undefined {
  return FORMATS.find((format) => request.headers.accept?.includes(IMAGE_MEDIA_TYPES[format]));
}

/** @throws ServingError NOT_ACCEPTABLE */
export function requireJsonAccepted(request: Request): void {
  if (request.accepts(JSON_TYPE) === false) {
    throw new ServingError(
      'NOT_ACCEPTABLE',
      `Accept: ${request.headers.accept ?? ''} does not allow ${JSON_TYPE}`,
      { allowed: [JSON_TYPE] },
    );
  }
}

/** Server-Timing (W3C): what each stage took, in ms. */
export function setTimingHeader(response: Response, timings: RequestTimings): void {
  response.set(
    'Server-Timing',
    Object.entries(timings)
      .map(([stage, ms]) => `${stage.replace(/Ms$/, '')};dur=${Number(ms).toFixed(2)}`)
      .join(', '),
  );
}

/** The fault of the only image is the fault of the request. */
export function failIfAlone<T>(answer: ImageAnswer<T>): void {
  const [only] = answer.results;
  if (answer.results.length === 1 && only?.ok === false) throw only.error;
}

/** The body of an answer with one entry for each image. */
export function resultsBody<T>(
  answer: ImageAnswer<T>,
  toJson: (value: T) => Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return {
    model: answer.model,
    version: answer.version,
    results: answer.results.map((result) =>
      result.ok ? toJson(result.value) : { error: problemDetails(result.error) },
    ),
    timings: rounded(answer.timings),
  };
}

export async function sendPictures(
  response: Response,
  answer: ImageAnswer<Picture>,
  { envelope }: PictureNegotiation,
  signal: AbortSignal,
): Promise<void> {
  const [first] = answer.results;
  response.set('X-Model-Version', String(answer.version));
  if (envelope === 'none' && first?.ok === true) {
    response.type(IMAGE_MEDIA_TYPES[first.value.format]).send(first.value.bytes);
  } else if (envelope === 'multipart') {
    await sendMultipart(response, answer.results, signal);
  } else {
    await sendJsonText(response, picturesJson(answer), signal);
  }
}

/** As `resultsBody`, in pieces: pictures are long. */
function* picturesJson({ model, version, results, timings }: ImageAnswer<Picture>): TextPieces {
  yield `{"model":${JSON.stringify(model)},"version":${version},"results":[`;
  for (const [index, result] of results.entries()) {
    if (index > 0) yield ',';
    if (result.ok) {
      const { bytes, format, width, height } = result.value;
      yield '{"image":{"b64":"';
      yield* base64Text(bytes);
      yield `","mediaType":"${IMAGE_MEDIA_TYPES[format]}","width":${width},"height":${height}}}`;
    } else {
      yield JSON.stringify({ error: problemDetails(result.error) });
    }
  }
  yield `],"timings":${JSON.stringify(rounded(timings))}}`;
}

async function sendMultipart(
  response: Response,
  results: readonly ImageResult<Picture>[],
  signal: AbortSignal,
): Promise<void> {
  const boundary = `tfjs-serving-${randomUUID()}`;
  const parts = results.flatMap((result) => {
    const [type, body] = result.ok
      ? [IMAGE_MEDIA_TYPES[result.value.format], result.value.bytes]
      : [PROBLEM_MEDIA_TYPE, Buffer.from(JSON.stringify(problemDetails(result.error)))];
    const head = `--${boundary}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
    return [Buffer.from(head), body, Buffer.from('\r\n')];
  });
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  response.set({
    'Content-Type': `${MULTIPART_TYPE}; boundary=${boundary}`,
    'Content-Length': String(parts.reduce((sum, { length }) => sum + length, 0)),
  });
  for (const part of parts) await writePiece(response, part, signal);
  response.end();
}

function rounded(timings: RequestTimings): Record<string, number> {
  return Object.fromEntries(
    Object.entries(timings).map(([stage, ms]) => [stage, Math.round(Number(ms) * 100) / 100]),
  );
}
