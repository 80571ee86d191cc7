import { MulterError } from 'multer';

import { messageOf, ServingError } from '../../kernel/errors';
import type { BodyLimits } from './body-limits';
import { IMAGE_FIELD_NAMES, isImageField } from './image-fields';

/** Fields with text that a form may hold beside its files. */
export const MAX_FIELDS = 16;
/** Bytes of each. */
export const MAX_FIELD_BYTES = 64 * 1024;

/**
 * What multer refuses, and what busboy below it does not understand, in our own words.
 * @param fieldNames where files go, for messages
 */
export function formError(
  thrown: unknown,
  limits: BodyLimits,
  fieldNames = IMAGE_FIELD_NAMES,
): ServingError {
  if (thrown instanceof ServingError) return thrown;
  if (thrown instanceof MulterError) return fromMulter(thrown, limits, fieldNames);
  const why = messageOf(thrown);
  return new ServingError('BAD_REQUEST', `The multipart form is malformed: ${why}`, {
    cause: thrown,
  });
}

function fromMulter(
  error: MulterError,
  { maxFiles, maxFileBytes }: BodyLimits,
  fieldNames: string,
): ServingError {
  const { code, field = '' } = error;
  switch (code) {
    case 'LIMIT_FILE_SIZE':
      return new ServingError(
        'PAYLOAD_TOO_LARGE',
        `A file of the form is over the limit of ${maxFileBytes} bytes`,
      );
    case 'LIMIT_FILE_COUNT':
      return new ServingError('TOO_MANY_IMAGES', `The form holds more than ${maxFiles} files`);
    case 'LIMIT_UNEXPECTED_FILE':
      return badForm(`Unexpected file field "${field}": images go into the field ${fieldNames}`);
    case 'MISSING_FIELD_NAME':
      return badForm(`A part of the form has no name; images go into the field ${fieldNames}`);
    case 'LIMIT_FIELD_COUNT':
      return badForm(`The form holds more than ${MAX_FIELDS} fields that are not files`);
    case 'LIMIT_FIELD_VALUE':
      return badForm(
        isImageField(field)
          ? `The field "${field}" of the form is text; send the file itself, as curl -F image=@photo.jpg does`
          : `The field "${field}" of the form is over the limit of ${MAX_FIELD_BYTES} bytes for text`,
      );
    case 'LIMIT_FIELD_KEY':
    case 'LIMIT_PART_COUNT':
    default: // Nesting and indices of names, which the types do not list.
      return badForm(`The multipart form was refused: ${error.message} ("${field}")`);
  }
}

function badForm(detail: string): ServingError {
  return new ServingError('BAD_REQUEST', detail);
}
