import { bytesOf, floatsOf } from './base64';
import type {
  Classified,
  Detected,
  Embedded,
  Made,
  PictureBytes,
  Predicted,
  Segmented,
  SizedPicture,
  Written,
} from './image-answers';

/** What the server answers for one image, in JSON. */
export interface ResultBody {
  readonly [member: string]: unknown;
  readonly error?: unknown;
}

interface PictureBody {
  readonly b64: string;
  readonly mediaType: string;
}

type SegmentBody = Omit<Segmented['segments'][number], 'mask'> & { readonly mask: PictureBody };

export function readClassified(body: ResultBody): Classified {
  return { predictions: listIn(body, 'predictions') as Classified['predictions'] };
}

export function readDetected(body: ResultBody): Detected {
  return { detections: listIn(body, 'detections') as Detected['detections'] };
}

export function readSegmented(body: ResultBody): Segmented {
  const { width, height } = body as unknown as Segmented;
  const segments = (listIn(body, 'segments') as readonly SegmentBody[]).map(
    ({ mask, ...segment }) => ({
      ...segment,
      mask: pictureOf(mask),
    }),
  );
  return { width, height, segments };
}

export function readEmbedded({ embedding }: ResultBody): Embedded {
  if (typeof embedding === 'string') return { embedding: floatsOf(embedding) };
  if (Array.isArray(embedding)) return { embedding: Float32Array.from(embedding as number[]) };
  throw missing('embedding');
}

export function readMade({ image, seed }: ResultBody): Made {
  if (image === undefined) throw missing('image');
  const picture = sizedPicture(image as PictureBody & SizedPicture);
  return { picture, ...(typeof seed === 'number' ? { seed } : {}) };
}

export function readWritten({ text, seed }: ResultBody): Written {
  if (typeof text !== 'string') throw missing('text');
  return { text, ...(typeof seed === 'number' ? { seed } : {}) };
}

/** Whatever it is. */
export function readPredicted(body: ResultBody): Predicted {
  const { image, ...others } = body;
  return {
    ...others,
    ...(others.segments === undefined ? {} : readSegmented(body)),
    ...(others.embedding === undefined ? {} : readEmbedded(body)),
    ...(image === undefined ? {} : { picture: sizedPicture(image as PictureBody & SizedPicture) }),
  };
}

function sizedPicture({ width, height, ...body }: PictureBody & SizedPicture): SizedPicture {
  return { ...pictureOf(body), width, height };
}

function pictureOf({ b64, mediaType }: PictureBody): PictureBytes {
  return { bytes: bytesOf(b64), mediaType };
}

function listIn(body: ResultBody, member: string): readonly unknown[] {
  const value = body[member];
  if (Array.isArray(value)) return value;
  throw missing(member);
}

function missing(member: string): TypeError {
  return new TypeError(`a result has no "${member}"`);
}
