import type { Steps } from '../../kernel/time-slices';
import type { StringRange } from './json-string';

/** Characters that are decoded between two pauses. */
const STEP = 128 * 1024;

const DATA_URL = 'data:';
const COMMA = 0x2c;

/**
 * Decodes base64 where it stands, as the bytes are never more than their characters. Takes a data
 * URL, line breaks, missing padding, and the letters of base64url.
 * @returns where the bytes are now; undefined when it is not base64
 */
export function* decodeBase64InPlace(
  bytes: Buffer,
  range: StringRange,
): Steps<StringRange | undefined> {
  const start = behindDataUrl(bytes, range);
  let to = range.start;
  let rest = '';
  let broken = false;
  for (let from = start; from < range.end; from += STEP) {
    const until = Math.min(range.end, from + STEP);
    const last = until === range.end;
    let text = rest + withoutBreaks(bytes.toString('latin1', from, until), broken);
    let piece = last ? withoutPadding(text) : text.slice(0, text.length - (text.length % 4));
    let written = bytes.write(piece, to, 'base64');
    if (written !== decodedLength(piece) && !broken) {
      // Node skips what it does not know; of that, only line breaks are right.
      broken = true;
      text = withoutBreaks(text, true);
      piece = last ? withoutPadding(text) : text.slice(0, text.length - (text.length % 4));
      written = bytes.write(piece, to, 'base64');
    }
    if (written !== decodedLength(piece)) return undefined;
    rest = last ? '' : text.slice(piece.length);
    to += written;
    if (!last) yield;
  }
  return { start: range.start, end: to };
}

function behindDataUrl(bytes: Buffer, { start, end }: StringRange): number {
  if (bytes.toString('latin1', start, Math.min(end, start + DATA_URL.length)) !== DATA_URL) {
    return start;
  }
  const comma = bytes.indexOf(COMMA, start);
  return comma < 0 || comma >= end ? start : comma + 1;
}

/** Spaces are not breaks: they are what becomes of + in a form that was not encoded. */
function withoutBreaks(text: string, broken: boolean): string {
  return broken ? text.replace(/[\r\n\t]+/g, '') : text;
}

function withoutPadding(text: string): string {
  return text.replace(/={1,2}$/, '');
}

/** Bytes of base64 without padding; NaN for a length that it cannot have. */
function decodedLength({ length }: string): number {
  return length % 4 === 1 ? NaN : Math.floor((length * 3) / 4);
}
