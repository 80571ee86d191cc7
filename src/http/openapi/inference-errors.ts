import type { ErrorCode } from '../../kernel/errors';

/** What can go wrong with any run of a model, whatever the way in. */
export const RUN_ERRORS: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'INVALID_INPUT',
  'MODEL_NOT_FOUND',
  'VERSION_NOT_FOUND',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'REQUEST_TIMEOUT',
  'OVERLOADED',
  'INFERENCE_FAILED',
  'HOOK_FAILED',
  'MODEL_NOT_READY',
  'MODEL_CRASHED',
  'OUT_OF_MEMORY',
  'MODEL_DOES_NOT_FIT',
  'MODEL_OUT_OF_MEMORY',
  'DRAINING',
  'QUEUE_TIMEOUT',
];

/** What can be wrong with an image. */
export const IMAGE_ERRORS: readonly ErrorCode[] = [
  'IMAGE_TOO_LARGE',
  'UNSUPPORTED_IMAGE_FORMAT',
  'UNDECODABLE_IMAGE',
  'DECODE_TIMEOUT',
  'IMAGE_SIZE_NOT_ALLOWED',
];
