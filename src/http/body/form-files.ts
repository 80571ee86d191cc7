import multer, { MulterError } from 'multer';

import type { ByteReservation } from '../../kernel/byte-budget';
import { ServingError } from '../../kernel/errors';
import type { BodyLimits } from './body-limits';
import { formError, MAX_FIELD_BYTES, MAX_FIELDS } from './form-errors';
import { FormNormalizer } from './form-normalizer';
import { formStorage } from './form-storage';
import { IMAGE_FIELD_NAMES, isImageField } from './image-fields';
import { closedByClient, type BodySink } from './receive-body';

const MAX_BOUNDARY = 256;
/** Names of text fields become objects and lists, as in "a[b][0]"; nobody asks for them here. */
const MAX_NESTING = 16;
const MAX_INDEX = 1000;

export interface FormFilesOptions {
  readonly boundary: string;
  readonly limits: BodyLimits;
  readonly reservation: ByteReservation;
  /** Fields that hold files. @default those of images */
  readonly isPicture?: ((field: string) => boolean) | undefined;
  /** The same, for messages. */
  readonly fieldNames?: string | undefined;
}

/** What a form holds. */
export interface FormContent {
  /** In the order they were sent. */
  readonly files: readonly { readonly field: string; readonly bytes: Buffer }[];
  /** Text, by field; of several of one name, a list. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The form in place of the request, with what multer adds to it. */
type Form = FormNormalizer & {
  readonly files?: readonly Express.Multer.File[];
  readonly body?: Readonly<Record<string, unknown>>;
};
/** Multer's middleware; it has no use for a response. */
type ReadForm = (form: Form, response: undefined, done: (thrown?: unknown) => void) => void;

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
 * Has multer gather the files of a form as it comes, and refuse at once what is too much.
 * @throws ServingError BAD_REQUEST, PAYLOAD_TOO_LARGE, TOO_MANY_IMAGES, OVERLOADED
 */
export function formFiles(options: FormFilesOptions): BodySink<Buffer[]> {
  return formSink(options, filesOf);
}

/** As `formFiles`, with the names of fields and the text beside the files; there may be no file. */
export function formContent(options: FormFilesOptions): BodySink<FormContent> {
  return formSink(options, ({ files = [], body = {} }) => ({
    files: files.map(({ fieldname, buffer }) => ({ field: fieldname, bytes: buffer })),
    fields: { ...body },
  }));
}

function formSink<T>(
  { boundary, limits, reservation, isPicture = isImageField, fieldNames }: FormFilesOptions,
  contentOf: (form: Form) => T,
): BodySink<T> {
  const form: Form = new FormNormalizer(boundary, isPicture);
  const content = new Promise<void>((resolve, reject) => {
    readerFor(limits)(form, undefined, (thrown) => {
      if (thrown === undefined) resolve();
      else reject(formError(thrown, limits, fieldNames));
    });
  }).then(() => contentOf(form));
  return {
    onFailure: (fail) => {
      content.catch(fail);
    },
    take: (chunk) => {
      if (reservation.revoked) throw closedByClient();
      // Before anything is kept of them: files, text beside them, and what waits for multer.
      reservation.add(chunk.length);
      return form.write(chunk) ? undefined : drained(form);
    },
    finish: () => {
      form.end();
      return content;
    },
    drop: () => {
      form.destroy();
    },
  };
}

const readers = new WeakMap<BodyLimits, ReadForm>();

function readerFor(limits: BodyLimits): ReadForm {
  const made = readers.get(limits) ?? makeReader(limits);
  readers.set(limits, made);
  return made;
}

function makeReader({ maxFiles, maxFileBytes }: BodyLimits): ReadForm {
  return multer({
    storage: formStorage(),
    // The form stands in for the request; one reader serves them all.
    fileFilter: (form, { fieldname }, done) => {
      if ((form as unknown as Form).isPicture(fieldname)) done(null, true);
      else done(new MulterError('LIMIT_UNEXPECTED_FILE', fieldname));
    },
    defParamCharset: 'utf8',
    limits: {
      files: maxFiles,
      fileSize: maxFileBytes,
      fields: MAX_FIELDS,
      fieldSize: MAX_FIELD_BYTES,
      fieldNestingDepth: MAX_NESTING,
      fieldArrayIndexLimit: MAX_INDEX,
    },
  }).any() as unknown as ReadForm;
}

/** @throws ServingError BAD_REQUEST when there are none */
function filesOf({ files = [], body = {} }: Form): Buffer[] {
  if (files.length > 0) return files.map(({ buffer }) => buffer);
  const text = Object.keys(body).find((name) => isImageField(name) && hasText(body[name]));
  throw new ServingError(
    'BAD_REQUEST',
    text === undefined
      ? `The form holds no file; images go into the field ${IMAGE_FIELD_NAMES}`
      : `The form holds no file: its field "${text}" is text; send the file itself, as curl -F image=@photo.jpg does`,
  );
}

/** In one field of a name, or in several, which are a list or an object. */
function hasText(value: unknown): boolean {
  if (typeof value === 'string') return value !== '';
  return typeof value === 'object' && value !== null && Object.values(value).some(hasText);
}

/** More can be taken, or nothing more will. */
function drained(form: FormNormalizer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      form.off('drain', done).off('close', done);
      resolve();
    };
    form.once('drain', done).once('close', done);
  });
}
