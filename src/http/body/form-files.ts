import type { ByteReservation } from '../../kernel/byte-budget';
import { ServingError } from '../../kernel/errors';
import { sniffImageFormat } from '../../imaging/sniff';
import type { BodyLimits } from './body-limits';
import { MultipartReader, type PartSink } from './multipart-reader';
import type { PartHeaders } from './part-headers';
import { closedByClient, type BodySink } from './receive-body';

/** Names of the fields that hold images. */
const IMAGE_FIELD = /^(images?|files?)(\[\d*\])?$/i;
const FIELD_NAMES = '"image" (or images, file, files, with or without [])';

/** Parts without a file that a form may hold beside its files. */
const MAX_FIELDS = 16;
const MAX_BOUNDARY = 256;
/** Bytes of a part that tell whether it is a file. */
const HEAD_BYTES = 1024;

export interface FormFilesOptions {
  readonly boundary: string;
  readonly limits: BodyLimits;
  readonly reservation: ByteReservation;
}

/** A part of a field for images. */
interface FilePart {
  readonly headers: PartHeaders;
  readonly chunks: Buffer[];
  bytes: number;
}

/** @throws ServingError BAD_REQUEST for a Content-Type that names no boundary */
export function boundaryOf(contentType: string): string {
  const match = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^;,\s]+))/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2] ?? '';
  if (boundary !== '' && boundary.length <= MAX_BOUNDARY) return boundary;
  throw new ServingError(
    'BAD_REQUEST',
    'The Content-Type multipart/form-data names no boundary: leave the header to the HTTP client, which adds one',
  );
}

/**
 * Gathers the files of a form as it comes, and refuses at once what is too much.
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE, TOO_MANY_IMAGES, OVERLOADED
 */
export function formFiles({ boundary, limits, reservation }: FormFilesOptions): BodySink<Buffer[]> {
  const form = new FormParts(limits, reservation);
  const reader = new MultipartReader(boundary, (headers) => form.begin(headers));
  return {
    take: (chunk) => {
      if (reservation.revoked) throw closedByClient();
      reader.push(chunk);
    },
    finish: () => {
      reader.finish();
      return form.files();
    },
    drop: () => {
      form.drop();
    },
  };
}

class FormParts {
  readonly #limits: BodyLimits;
  readonly #reservation: ByteReservation;
  #parts: FilePart[] = [];
  #named = 0;
  #unnamed = 0;

  constructor(limits: BodyLimits, reservation: ByteReservation) {
    this.#limits = limits;
    this.#reservation = reservation;
  }

  begin(headers: PartHeaders): PartSink {
    const { name, filename = '' } = headers;
    if (name === undefined) {
      throw new ServingError(
        'BAD_REQUEST',
        `A part of the form has no name; images go into the field ${FIELD_NAMES}`,
      );
    }
    const isImage = IMAGE_FIELD.test(name);
    if (!isImage && filename !== '') {
      throw new ServingError(
        'BAD_REQUEST',
        `Unexpected file field "${name}": images go into the field ${FIELD_NAMES}`,
      );
    }
    this.#count(filename !== '', isImage);
    // Text beside the files is not used.
    if (!isImage) return { data: () => undefined };
    const part: FilePart = { headers, chunks: [], bytes: 0 };
    this.#parts.push(part);
    return {
      data: (chunk) => {
        this.#add(part, chunk);
      },
    };
  }

  /** The files, without what clients put into a form where there is none. */
  files(): Buffer[] {
    const files = this.#parts.filter(isFile);
    if (files.length > 0) return files.map(({ chunks }) => joined(chunks));
    const text = this.#parts.find(({ bytes }) => bytes > 0);
    throw new ServingError(
      'BAD_REQUEST',
      text === undefined
        ? `The form holds no file; images go into the field ${FIELD_NAMES}`
        : `The form holds no file: its field "${text.headers.name ?? ''}" is text; send the file itself, as curl -F image=@photo.jpg does`,
    );
  }

  drop(): void {
    this.#parts = [];
  }

  /** Parts without a file name may be files or not. */
  #count(isNamed: boolean, isImage: boolean): void {
    const { maxFiles } = this.#limits;
    if (isNamed) this.#named += 1;
    else this.#unnamed += 1;
    if (this.#named > maxFiles) {
      throw new ServingError('TOO_MANY_IMAGES', `The form holds more than ${maxFiles} files`);
    }
    if (this.#unnamed <= MAX_FIELDS + (isImage ? maxFiles : 0)) return;
    throw new ServingError(
      'BAD_REQUEST',
      `The form holds more than ${MAX_FIELDS} fields that are not files`,
    );
  }

  #add(part: FilePart, chunk: Buffer): void {
    const { maxFileBytes } = this.#limits;
    part.bytes += chunk.length;
    if (part.bytes > maxFileBytes) {
      throw new ServingError(
        'PAYLOAD_TOO_LARGE',
        `A file of the form is over the limit of ${maxFileBytes} bytes`,
      );
    }
    this.#reservation.add(chunk.length);
    part.chunks.push(chunk);
  }
}

/**
 * What has a file name is a file. Without one, an empty part is what a browser sends where nothing was
 * chosen, and text is a field beside the files; some clients send files so all the same.
 */
function isFile({ headers: { filename = '', contentType }, chunks, bytes }: FilePart): boolean {
  if (filename !== '') return true;
  if (bytes === 0) return false;
  if (contentType !== undefined && !contentType.startsWith('text/')) return true;
  return sniffImageFormat(Buffer.concat(chunks, Math.min(bytes, HEAD_BYTES))) !== undefined;
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}
