/**
 * Every error a client can see: a stable code, its HTTP status and whether the same request may
 * succeed later. docs/errors.md mirrors this list; a test keeps the two equal.
 */
export const ERROR_CODES = {
  BAD_REQUEST: { status: 400, retriable: false, title: 'The request is malformed' },
  MODEL_NOT_FOUND: { status: 404, retriable: false, title: 'No such model' },
  VERSION_NOT_FOUND: { status: 404, retriable: false, title: 'No such model version' },
  ROUTE_NOT_FOUND: { status: 404, retriable: false, title: 'No such address' },
  MODEL_LOAD_FAILED: { status: 400, retriable: false, title: 'The model cannot be loaded' },
  UNAUTHENTICATED: { status: 401, retriable: false, title: 'The key or token is missing or wrong' },
  FORBIDDEN: { status: 403, retriable: false, title: 'Not allowed' },
  MODEL_CONTROL_NOT_ALLOWED: {
    status: 403,
    retriable: false,
    title: 'Models cannot be loaded or unloaded by request',
  },
  METHOD_NOT_ALLOWED: { status: 405, retriable: false, title: 'Method not allowed' },
  NOT_ACCEPTABLE: { status: 406, retriable: false, title: 'No acceptable response format' },
  REQUEST_TIMEOUT: {
    status: 408,
    retriable: true,
    title: 'The request came too slowly',
  },
  WRONG_TASK: { status: 409, retriable: false, title: 'The model has another task' },
  PAYLOAD_TOO_LARGE: { status: 413, retriable: false, title: 'The request is too large' },
  TOO_MANY_IMAGES: { status: 413, retriable: false, title: 'Too many images in one request' },
  IMAGE_TOO_LARGE: { status: 413, retriable: false, title: 'The image has too many pixels' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retriable: false, title: 'Unsupported content type' },
  UNSUPPORTED_IMAGE_FORMAT: { status: 415, retriable: false, title: 'Unsupported image format' },
  IMAGE_URL_NOT_ALLOWED: {
    status: 403,
    retriable: false,
    title: 'Images are not fetched from there',
  },
  IMAGE_URL_FAILED: { status: 422, retriable: true, title: 'The image cannot be fetched' },
  UNDECODABLE_IMAGE: { status: 422, retriable: false, title: 'The image cannot be decoded' },
  DECODE_TIMEOUT: {
    status: 422,
    retriable: false,
    title: 'The image takes too long to decode',
  },
  IMAGE_SIZE_NOT_ALLOWED: {
    status: 422,
    retriable: false,
    title: 'The image size is outside what the model takes',
  },
  INVALID_INPUT: {
    status: 400,
    retriable: false,
    title: 'The model does not take this input',
  },
  OVERLOADED: { status: 429, retriable: true, title: 'The queue of the model is full' },
  RATE_LIMITED: { status: 429, retriable: true, title: 'The limits of the key are used up' },
  CLIENT_CLOSED_REQUEST: { status: 499, retriable: false, title: 'The client closed the request' },
  INTERNAL: { status: 500, retriable: false, title: 'Internal error' },
  HOOK_FAILED: { status: 500, retriable: false, title: 'A hook of the model failed' },
  INFERENCE_FAILED: { status: 500, retriable: false, title: 'The model failed on this input' },
  MODEL_CRASHED: { status: 500, retriable: false, title: 'The model crashed on this input' },
  MODEL_NOT_READY: { status: 503, retriable: true, title: 'The model is not ready' },
  OUT_OF_MEMORY: { status: 503, retriable: true, title: 'The device is out of memory' },
  DRAINING: { status: 503, retriable: true, title: 'The server is shutting down' },
  QUEUE_TIMEOUT: {
    status: 504,
    retriable: true,
    title: 'The request waited too long in the queue',
  },
  MODEL_DOES_NOT_FIT: {
    status: 507,
    retriable: false,
    title: 'The model needs more memory than models may take',
  },
  MODEL_OUT_OF_MEMORY: {
    status: 507,
    retriable: false,
    title: 'The model needs more memory for this input than it may take',
  },
} as const satisfies Record<string, { status: number; retriable: boolean; title: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ServingErrorOptions {
  /** Lower-level error, kept for the log; never shown to a client. */
  readonly cause?: unknown;
  /** Seconds after which a retry makes sense; sent as Retry-After. */
  readonly retryAfterS?: number;
  /** Methods or media types that would have been accepted (Allow / Accept headers). */
  readonly allowed?: readonly string[];
}

/**
 * An error with an answer: `message` says what was wrong and what is allowed, and is shown to the
 * client as it stands. Anything that is not a ServingError reaches the client as INTERNAL.
 */
export class ServingError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterS: number | undefined;
  readonly allowed: readonly string[] | undefined;

  constructor(code: ErrorCode, message: string, options: ServingErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ServingError';
    this.code = code;
    this.retryAfterS = options.retryAfterS;
    this.allowed = options.allowed;
  }

  /** HTTP status of the code. */
  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

/** Turns anything thrown into a ServingError; what is not one becomes INTERNAL with the cause kept. */
export function toServingError(thrown: unknown): ServingError {
  return thrown instanceof ServingError
    ? thrown
    : new ServingError('INTERNAL', 'The server failed to handle the request', { cause: thrown });
}

/** Anything thrown as an Error, as it is where it is one. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(messageOf(thrown), { cause: thrown });
}

/** The message of anything thrown. By shape, not class: errors also come from other realms. */
export function messageOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown
    ? String(thrown.message)
    : String(thrown);
}

/** Whether something thrown is a system error such as `ENOENT`. */
export function hasErrorCode(thrown: unknown, code: string): boolean {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === code;
}
