/** Codes that the server answers: docs/errors.md. */
export type ServerErrorCode =
  | 'BAD_REQUEST'
  | 'CLIENT_CLOSED_REQUEST'
  | 'DRAINING'
  | 'HOOK_FAILED'
  | 'IMAGE_SIZE_NOT_ALLOWED'
  | 'IMAGE_TOO_LARGE'
  | 'IMAGE_URL_FAILED'
  | 'IMAGE_URL_NOT_ALLOWED'
  | 'INFERENCE_FAILED'
  | 'INTERNAL'
  | 'INVALID_INPUT'
  | 'METHOD_NOT_ALLOWED'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'MODEL_CONTROL_NOT_ALLOWED'
  | 'MODEL_CRASHED'
  | 'MODEL_LOAD_FAILED'
  | 'MODEL_NOT_FOUND'
  | 'MODEL_NOT_READY'
  | 'MODEL_DOES_NOT_FIT'
  | 'MODEL_OUT_OF_MEMORY'
  | 'NOT_ACCEPTABLE'
  | 'OUT_OF_MEMORY'
  | 'OVERLOADED'
  | 'PAYLOAD_TOO_LARGE'
  | 'QUEUE_TIMEOUT'
  | 'RATE_LIMITED'
  | 'ROUTE_NOT_FOUND'
  | 'TOO_MANY_IMAGES'
  | 'UNDECODABLE_IMAGE'
  | 'UNSUPPORTED_IMAGE_FORMAT'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'VERSION_NOT_FOUND'
  | 'REQUEST_TIMEOUT'
  | 'DECODE_TIMEOUT'
  | 'WRONG_TASK';

/**
 * What goes wrong on this side: no connection or a lost one; time over; an answer that is none of
 * this server's. `HTTP_ERROR`: an error of something in between, such as a proxy.
 */
export type LocalErrorCode = 'CONNECTION_FAILED' | 'TIMEOUT' | 'INVALID_RESPONSE' | 'HTTP_ERROR';

export interface ServingClientErrorOptions {
  readonly code: ServerErrorCode | LocalErrorCode;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly retriable?: boolean | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Every failure of a call but an abort, which throws the reason of its signal. */
export class ServingClientError extends Error {
  override readonly name = 'ServingClientError';
  /** Stable: programs should look at this. */
  readonly code: ServerErrorCode | LocalErrorCode;
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  /** Finds the request in the server's log; undefined when there was no answer. */
  readonly requestId: string | undefined;
  /** The same request may succeed later. */
  readonly retriable: boolean;
  /** Milliseconds after which a retry makes sense, when the server said so. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ServingClientErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.status = options.status;
    this.requestId = options.requestId;
    this.retriable = options.retriable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
