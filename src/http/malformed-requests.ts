import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import { ERROR_CODES, ServingError, type ErrorCode } from '../kernel/errors';
import { PROBLEM_MEDIA_TYPE, problemDetails } from './middleware/problem-details';

/** What Node says of a request that never became one; anything else is not HTTP. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'PAYLOAD_TOO_LARGE',
};
const HEAD_TOO_LARGE = 431;

/**
 * Answers what Node could not read as a request, as every other error is answered, and closes the
 * connection. Node itself would answer a bare status.
 * @param othersTurn whether what is written next on the connection answers another request
 */
export function refuseMalformed(
  error: Error & { readonly code?: string },
  socket: Duplex,
  othersTurn: boolean,
): void {
  if (!socket.writable || othersTurn) {
    socket.destroy(error);
    return;
  }
  socket.end(responseTo(error), () => {
    socket.destroy();
  });
}

function responseTo({ code: cause = '', message }: Error & { readonly code?: string }): string {
  const id = randomUUID();
  if (cause === 'HPE_HEADER_OVERFLOW') return response(HEAD_TOO_LARGE, id);
  const code = Object.hasOwn(CODES, cause) ? (CODES[cause] ?? 'BAD_REQUEST') : 'BAD_REQUEST';
  const detail =
    code === 'BAD_REQUEST' ? `This is not an HTTP request: ${message}` : ERROR_CODES[code].title;
  const body = JSON.stringify(problemDetails(new ServingError(code, detail), id));
  return response(ERROR_CODES[code].status, id, body, [
    `X-Error-Code: ${code}`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}; charset=utf-8`,
  ]);
}

function response(status: number, id: string, body = '', headers: readonly string[] = []): string {
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${id}`,
    ...headers,
    '',
    body,
  ].join('\r\n');
}
