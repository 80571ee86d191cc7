import { ServingClientError } from './client-error';
import type { ServerAnswer } from './server-answer';
import { responseError } from './response-error';
import { retryDelayMs, type RetryPolicy } from './retry-policy';

/** What every call takes. */
export interface CallOptions {
  /** Ends the call; it then throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds for the whole call, retries included.
   * @default that of the client
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Attempts after the first, for calls that can be repeated.
   * @default that of the client
   */
  readonly retries?: number | undefined;
  /** Sent as X-Request-Id: up to 128 letters, digits and `_ . : / + = -`. */
  readonly requestId?: string | undefined;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface TransportOptions extends RetryPolicy {
  readonly url: string;
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof globalThis.fetch;
}

export interface Call {
  readonly method: 'GET' | 'POST';
  /** From the root of the server, such as `/models`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestInit['body'];
  /** Sending it twice does no harm. */
  readonly repeatable: boolean;
  /** Statuses besides 2xx that are no error. */
  readonly accept?: readonly number[];
}

/** Sends calls, with time-outs and retries. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * The whole answer: a connection that is lost while it comes is tried again as well.
   * @throws ServingClientError, or the reason of an aborted signal
   */
  async send(call: Call, options: CallOptions): Promise<ServerAnswer> {
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const policy = { ...this.#options, retries: options.retries ?? this.#options.retries };
    const started = performance.now();
    const limit = callLimit(timeoutMs, options.signal);
    try {
      for (let failed = 1; ; failed += 1) {
        try {
          return await this.#attempt(call, options, limit.signal);
        } catch (thrown) {
          limit.throwIfOver();
          const error = connectionError(thrown);
          const remainingMs = timeoutMs - (performance.now() - started);
          const delay = call.repeatable
            ? retryDelayMs(error, failed, remainingMs, policy, Math.random())
            : undefined;
          if (delay === undefined) throw error;
          await pause(delay, limit.signal);
          limit.throwIfOver();
        }
      }
    } finally {
      limit.clear();
    }
  }

  async #attempt(
    { method, path, headers, body, accept = [] }: Call,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<ServerAnswer> {
    const { fetch, url } = this.#options;
    const response = await fetch(url + path, {
      method,
      headers: {
        ...this.#options.headers,
        ...headers,
        ...options.headers,
        ...(options.requestId === undefined ? {} : { 'X-Request-Id': options.requestId }),
      },
      signal,
      ...(body === undefined ? {} : { body }),
    });
    const answer = {
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
      body: await response.arrayBuffer(),
    };
    if (response.ok || accept.includes(response.status)) return answer;
    throw responseError(answer);
  }
}

interface CallLimit {
  readonly signal: AbortSignal;
  /** Throws what ended the call from outside, once something has. */
  readonly throwIfOver: () => void;
  readonly clear: () => void;
}

/** One signal for the time-out and for the caller's own. */
function callLimit(timeoutMs: number, outer: AbortSignal | undefined): CallLimit {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort(outer?.reason);
  };
  const timer = setTimeout(() => {
    controller.abort(
      new ServingClientError(`No answer within ${timeoutMs} ms`, {
        code: 'TIMEOUT',
        retriable: true,
      }),
    );
  }, timeoutMs);
  if (outer?.aborted === true) abort();
  outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    throwIfOver: () => {
      controller.signal.throwIfAborted();
    },
    clear: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}

/** `fetch` throws a TypeError when there is no connection, or when it is lost. */
function connectionError(thrown: unknown): ServingClientError {
  if (thrown instanceof ServingClientError) return thrown;
  const reason = reasonOf(thrown);
  return new ServingClientError(`The connection failed: ${reason}`, {
    code: 'CONNECTION_FAILED',
    retriable: true,
    cause: thrown,
  });
}

/** `fetch failed` says little; its cause says why. */
function reasonOf(thrown: unknown): string {
  const { message, cause } = thrown as { message?: unknown; cause?: { message?: unknown } };
  const said = cause?.message === undefined || cause.message === '' ? message : cause.message;
  return String(said ?? thrown);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
