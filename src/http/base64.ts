import { ServingError } from '../kernel/errors';

/** Node's decoder skips what it does not know; the length tells whether it did. */
export function decodeBase64(text: string): Buffer | ServingError {
  const bare = text.startsWith('data:') ? text.slice(text.indexOf(',') + 1) : text;
  for (const candidate of [bare, bare.replace(/\s+/g, '')]) {
    const bytes = Buffer.from(candidate, 'base64');
    const characters = candidate.replace(/={1,2}$/, '').length;
    if (characters % 4 !== 1 && bytes.length === Math.floor((characters * 3) / 4)) return bytes;
  }
  return new ServingError('BAD_REQUEST', 'The value of "b64" is not base64');
}
