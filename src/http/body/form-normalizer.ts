import { randomUUID } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

import { asError } from '../../kernel/errors';
import { sniffImageFormat } from '../../imaging/sniff';
import { isImageField } from './image-fields';
import { MultipartReader, type PartSink } from './multipart-reader';
import type { PartHeaders } from './part-headers';

/** First bytes of a part that tell whether it is an image: as many as `sniffImageFormat` looks at. */
const HEAD_BYTES = 1024;
/** For parts that had no name, or none that is safe to write. Nothing is done with it. */
const FILE_NAME = 'file';

/** Waiting for multer before no more is read; more than comes at once, so that it seldom waits. */
const WAITING_BYTES = 256 * 1024;

/** A part that may be a file; its first bytes decide. */
interface Undecided {
  readonly headers: PartHeaders;
  readonly chunks: Buffer[];
  bytes: number;
}

/**
 * Takes a form as clients send it, and gives the same form as multer reads it. For multer, a part with
 * a file name is a file and any other is text, whose bytes it decodes; so what is a file without a name
 * gets one. Boundaries are written anew, with a text that no content can hold: then multer finds the
 * parts that were found here, and no others. The content comes through as it is.
 *
 * It stands in for the request: `headers` are those of the form that comes out.
 */
export class FormNormalizer extends Transform {
  readonly headers: Readonly<Record<string, string>>;
  readonly #reader: MultipartReader;
  readonly #delimiter: string;
  /** Fields that hold files. */
  readonly isPicture: (field: string) => boolean;
  #undecided: Undecided | undefined;

  /**
   * Fails with ServingError BAD_REQUEST when what comes is not a form.
   * @param boundary of the form that comes in
   * @param isPicture fields that hold files
   */
  constructor(boundary: string, isPicture: (field: string) => boolean = isImageField) {
    super({ highWaterMark: WAITING_BYTES });
    this.isPicture = isPicture;
    const written = unguessableBoundary();
    this.headers = {
      'content-type': `multipart/form-data; boundary=${written}`,
      'transfer-encoding': 'chunked',
    };
    this.#delimiter = `\r\n--${written}`;
    this.#reader = new MultipartReader(boundary, (headers) => this.#begin(headers));
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    try {
      this.#reader.push(chunk);
      done();
    } catch (thrown) {
      done(asError(thrown));
    }
  }

  override _flush(done: TransformCallback): void {
    try {
      this.#reader.finish();
      this.#decide();
      done(null, Buffer.from(`${this.#delimiter}--\r\n`));
    } catch (thrown) {
      done(asError(thrown));
    }
  }

  /**
   * Multer calls this when it has finished, or given up: it would read a refused form to its end
   * before it says why, so the form ends here.
   */
  override unpipe(destination?: NodeJS.WritableStream): this {
    super.unpipe(destination);
    this.destroy();
    return this;
  }

  #begin(headers: PartHeaders): PartSink {
    this.#decide();
    const { name = '', filename = '' } = headers;
    if (filename === '' && this.isPicture(name)) {
      this.#undecided = { headers, chunks: [], bytes: 0 };
    } else {
      this.#writeHead(name, filename !== '');
    }
    return {
      data: (chunk) => {
        this.#content(chunk);
      },
    };
  }

  #content(chunk: Buffer): void {
    const part = this.#undecided;
    if (part === undefined) {
      this.push(chunk);
      return;
    }
    part.chunks.push(chunk);
    part.bytes += chunk.length;
    if (part.bytes >= HEAD_BYTES || saysFile(part.headers)) this.#decide();
  }

  /** By what has come of the part; without content it is what browsers send for "nothing chosen". */
  #decide(): void {
    const part = this.#undecided;
    if (part === undefined) return;
    this.#undecided = undefined;
    const { headers, chunks, bytes } = part;
    const isFile =
      bytes > 0 &&
      (saysFile(headers) ||
        sniffImageFormat(Buffer.concat(chunks, Math.min(bytes, HEAD_BYTES))) !== undefined);
    this.#writeHead(headers.name ?? '', isFile);
    for (const chunk of chunks) this.push(chunk);
  }

  #writeHead(name: string, isFile: boolean): void {
    const escaped = name.replace(/\p{Cc}/gu, ' ').replace(/["\\]/g, '\\$&');
    const nameIs = name === '' ? '' : `; name="${escaped}"`;
    const fileIs = isFile ? `; filename="${FILE_NAME}"` : '';
    this.push(
      `${this.#delimiter}\r\nContent-Disposition: form-data${nameIs}${fileIs}\r\n\r\n`,
      'utf8',
    );
  }
}

/** As long as it may be (RFC 2046, 5.1.1): the search for it takes steps of its length. */
function unguessableBoundary(): string {
  return (randomUUID() + randomUUID()).slice(0, 70);
}

function saysFile({ contentType }: PartHeaders): boolean {
  return contentType !== undefined && !contentType.startsWith('text/');
}
