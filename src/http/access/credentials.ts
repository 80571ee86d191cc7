import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Characters of a key; a longer one is not even hashed. */
const MAX_LENGTH = 1024;

/** What a client shows: `X-Api-Key`, else `Authorization: Bearer`; undefined when there is nothing. */
export function credentialOf({ headers }: IncomingMessage): string | undefined {
  const header = headers['x-api-key'];
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  const shown = typeof header === 'string' && header !== '' ? header : bearer;
  return shown === undefined || shown.length > MAX_LENGTH ? undefined : shown;
}

/** SHA-256: of one length, as the comparison in constant time wants it. */
export function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
