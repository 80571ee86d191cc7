import { ServingClientError, type ServerErrorCode } from './client-error';
import { requestIdOf, textOf, type ServerAnswer } from './server-answer';

interface ErrorBody {
  /** Of problem details. */
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly retriable?: unknown;
  /** Of the model server protocols. */
  readonly error?: unknown;
}

/** Statuses that pass with time, for errors that do not say so. */
const PASSING = [429, 503, 504];

/** The error that an answer of another status than 2xx stands for. */
export function responseError(answer: ServerAnswer): ServingClientError {
  const text = textOf(answer);
  return errorOf(parsed(text), answer.status, {
    fallback: `${answer.status} ${answer.statusText}: ${text.slice(0, 200)}`,
    // The protocols' error bodies have no place for a code.
    code: answer.headers.get('x-error-code') ?? undefined,
    requestId: requestIdOf(answer),
    retryAfterMs: retryAfterMs(answer.headers.get('retry-after'), Date.now()),
  });
}

/** The error in the place of one image among several. */
export function imageError(body: unknown, requestId: string | undefined): ServingClientError {
  const { status } = objectOf(body) as { status?: unknown };
  return errorOf(objectOf(body), typeof status === 'number' ? status : undefined, {
    fallback: 'The image failed',
    code: undefined,
    requestId,
    retryAfterMs: undefined,
  });
}

interface Facts {
  readonly fallback: string;
  readonly code: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
}

function errorOf(body: ErrorBody, status: number | undefined, facts: Facts): ServingClientError {
  const message = [body.detail, body.error].find((text) => typeof text === 'string');
  const code = typeof body.code === 'string' ? body.code : facts.code;
  return new ServingClientError(message ?? facts.fallback, {
    // A newer server may know codes that this client does not: they are handed on.
    code: code === undefined ? 'HTTP_ERROR' : (code as ServerErrorCode),
    status,
    requestId: facts.requestId,
    retriable: typeof body.retriable === 'boolean' ? body.retriable : PASSING.includes(status ?? 0),
    retryAfterMs: facts.retryAfterMs,
  });
}

function parsed(text: string): ErrorBody {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return {};
  }
}

function objectOf(value: unknown): ErrorBody {
  return typeof value === 'object' && value !== null ? value : {};
}

/** Seconds or a date (RFC 9110), as milliseconds from `now`. */
export function retryAfterMs(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
