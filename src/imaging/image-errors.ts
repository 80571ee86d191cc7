import { messageOf, ServingError } from '../kernel/errors';
import type { ImageFormat } from './sniff';

/** What sharp says of a pipeline that it ended. */
const TIMED_OUT = /^timeout: \d+% complete/;

/**
 * What decoders say of files that are whole but of a kind they do not take: libvips refuses tiles much
 * larger than their picture. That no decoder knows a file at all, sharp also says of broken ones.
 */
const NOT_SUPPORTED =
  /not (supported|implemented|configured)|omitted at compile time|unsupported (?!image format|marker)|tile size out of range/i;

/** Sharp says so in front of everything that a decoder says of a header. */
const CORRUPT_HEADER = /^Input buffer has corrupt header: /;

/**
 * What is wrong with a file that cannot be decoded, in one line.
 * @returns UNDECODABLE_IMAGE; DECODE_TIMEOUT where time ran out; UNSUPPORTED_IMAGE_FORMAT where the
 *   decoder says that it lacks what the file needs
 */
export function undecodable(format: ImageFormat, cause: unknown): ServingError {
  if (cause instanceof ServingError) return cause;
  const name = format.toUpperCase();
  const lines = messageOf(cause).split('\n');
  if (TIMED_OUT.test(lines[0] ?? '')) return tookTooLong(format, cause);
  const lacking = lines.find((line) => NOT_SUPPORTED.test(line));
  if (lacking !== undefined) {
    const why = lacking.replace(CORRUPT_HEADER, '');
    return unsupportedKind(format, `is of a kind that is not decoded (${why})`);
  }
  return new ServingError(
    'UNDECODABLE_IMAGE',
    `The ${name} file is damaged or incomplete: ${lines[0] ?? ''}`,
    { cause },
  );
}

/** @returns DECODE_TIMEOUT */
export function tookTooLong(format: ImageFormat, cause?: unknown): ServingError {
  return new ServingError(
    'DECODE_TIMEOUT',
    `The ${format.toUpperCase()} file took too long to decode`,
    { cause },
  );
}

/**
 * A file of a format that is read, but of a kind within it that is not.
 * @param what continues "The TIFF file"
 * @param advice what to do; goes behind a semicolon
 * @returns UNSUPPORTED_IMAGE_FORMAT
 */
export function unsupportedKind(
  format: ImageFormat,
  what: string,
  advice = 'convert it to an ordinary JPEG or PNG',
): ServingError {
  return new ServingError(
    'UNSUPPORTED_IMAGE_FORMAT',
    `The ${format.toUpperCase()} file ${what}; ${advice}`,
  );
}
