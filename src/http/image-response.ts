import { randomUUID } from 'node:crypto';

import type { Request, Response } from 'express';

import { ServingError } from '../kernel/errors';
import type { ImageAnswer, ImageResult } from '../inference/image-request';
import { IMAGE_MEDIA_TYPES, type EncodeFormat } from '../imaging/encode';
import type { RequestTimings } from '../models/servable-statistics';
import type { TaskAnswer } from '../tasks/task';
import { sendJsonText, writePiece } from './json-text';
import { problemDetails, PROBLEM_MEDIA_TYPE } from './middleware/problem-details';
import { base64Text, type TextPieces } from './tensors/tensor-text';

const JSON_TYPE = 'application/json';
const MULTIPART_TYPE = 'multipart/mixed';

const FORMATS = Object.keys(IMAGE_MEDIA_TYPES) as EncodeFormat[];

/** How answers go back. */
export interface Negotiation {
  /** Format of the pictures; undefined: none are made. */
  readonly format: EncodeFormat | undefined;
  /** The picture itself, JSON (pictures in base64), or one part for each picture. */
  readonly envelope: 'none' | 'json' | 'multipart';
}

/** What there is to choose from. */
export interface Offer {
  readonly images: number;
  /** `always`: pictures are the answer; `if-asked`: Accept may ask for them; `never`: there are none. */
  readonly pictures: 'always' | 'if-asked' | 'never';
  /** Of ?format= */
  readonly format: EncodeFormat | undefined;
}

/**
 * Chooses from ?format= and Accept. One image is answered by its picture, several by JSON;
 * Accept can ask for JSON or multipart/mixed in either case. What is not a picture in the first place is
 * answered by JSON unless Accept prefers a picture.
 * @throws ServingError NOT_ACCEPTABLE
 */
export function negotiate(request: Request, { images, pictures, format }: Offer): Negotiation {
  if (pictures === 'never') {
    requireJsonAccepted(request);
    return { format: undefined, envelope: 'json' };
  }
  const types = (format === undefined ? FORMATS : [format]).map((f) => IMAGE_MEDIA_TYPES[f]);
  const offered = [
    ...(pictures === 'if-asked' ? [JSON_TYPE] : []),
    ...(images === 1 ? types : []),
    ...(pictures === 'if-asked' ? [MULTIPART_TYPE] : [JSON_TYPE, MULTIPART_TYPE]),
  ];
  const chosen = request.accepts(offered);
  if (chosen === false) {
    throw new ServingError(
      'NOT_ACCEPTABLE',
      `Accept: ${request.headers.accept ?? ''} allows none of ${offered.join(', ')}`,
      { allowed: offered },
    );
  }
  const byType = FORMATS.find((f) => IMAGE_MEDIA_TYPES[f] === chosen);
  const isData = pictures === 'if-asked' && chosen === JSON_TYPE;
  return {
    format: isData ? undefined : (byType ?? format ?? acceptedFormat(request) ?? 'png'),
    envelope: chosen === JSON_TYPE ? 'json' : chosen === MULTIPART_TYPE ? 'multipart' : 'none',
  };
}

/** A picture type named beside application/json tells what to put inside. */
function acceptedFormat(request: Request): EncodeFormat | undefined {
  return FORMATS.find((format) => request.headers.accept?.includes(IMAGE_MEDIA_TYPES[format]));
}

/** @throws ServingError NOT_ACCEPTABLE */
function requireJsonAccepted(request: Request): void {
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

/** X-Seed: what the only answer was made from, where it was made from noise. */
export function setSeedHeader(response: Response, { results }: ImageAnswer): void {
  const [only] = results;
  if (results.length > 1 || only?.ok !== true) return;
  const { seed } = only.value.data;
  if (typeof seed === 'number') response.set('X-Seed', String(seed));
}

/** The fault of the only image is the fault of the request. */
export function failIfAlone(answer: ImageAnswer): void {
  const [only] = answer.results;
  if (answer.results.length === 1 && only?.ok === false) throw only.error;
}

/** Sends what each image was answered with. */
export async function sendAnswer(
  response: Response,
  answer: ImageAnswer,
  { envelope, format }: Negotiation,
  signal: AbortSignal,
): Promise<void> {
  const [first] = answer.results;
  if (format !== undefined) response.set('X-Model-Version', String(answer.version));
  const picture = first?.ok === true ? first.value.picture : undefined;
  if (envelope === 'none' && picture !== undefined) {
    response.type(IMAGE_MEDIA_TYPES[picture.format]).send(picture.bytes);
  } else if (envelope === 'multipart') {
    await sendMultipart(response, answer.results, signal);
  } else {
    await sendJsonText(response, answerJson(answer), signal);
  }
}

/** In pieces: pictures and masks are long. */
function* answerJson({ model, version, results, timings }: ImageAnswer): TextPieces {
  yield `{"model":${JSON.stringify(model)},"version":${version},"results":[`;
  for (const [index, result] of results.entries()) {
    if (index > 0) yield ',';
    if (!result.ok) {
      yield JSON.stringify({ error: problemDetails(result.error) });
      continue;
    }
    const { data, picture } = result.value;
    const members = JSON.stringify(data);
    if (picture === undefined) {
      yield members;
      continue;
    }
    const { bytes, format, width, height } = picture;
    yield `${members.slice(0, -1)}${members === '{}' ? '' : ','}"image":{"b64":"`;
    yield* base64Text(bytes);
    yield `","mediaType":"${IMAGE_MEDIA_TYPES[format]}","width":${width},"height":${height}}}`;
  }
  yield `],"timings":${JSON.stringify(roundedTimings(timings))}}`;
}

async function sendMultipart(
  response: Response,
  results: readonly ImageResult[],
  signal: AbortSignal,
): Promise<void> {
  const boundary = `tfjs-serving-${randomUUID()}`;
  const parts = results.flatMap((result) => {
    const [type, body] = result.ok ? pictureOf(result.value) : problemOf(result.error);
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

function pictureOf({ picture }: TaskAnswer): readonly [string, Buffer] {
  if (picture === undefined) throw new RangeError('an answer has no picture');
  return [IMAGE_MEDIA_TYPES[picture.format], picture.bytes];
}

function problemOf(error: ServingError): readonly [string, Buffer] {
  return [PROBLEM_MEDIA_TYPE, Buffer.from(JSON.stringify(problemDetails(error)))];
}

/** Milliseconds with two places. */
export function roundedTimings(timings: RequestTimings): Record<string, number> {
  return Object.fromEntries(
    Object.entries(timings).map(([stage, ms]) => [stage, Math.round(Number(ms) * 100) / 100]),
  );
}
