import { hasErrorCode } from './errors';

/** TensorFlow's error codes in the order of their numbers (TF_Code). */
const TENSORFLOW_CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

export type TensorFlowCode = (typeof TENSORFLOW_CODES)[number];

/** The code of what the native binding threw, whose `code` is the number as text; undefined for all else. */
export function tensorFlowCodeOf(thrown: unknown): TensorFlowCode | undefined {
  return TENSORFLOW_CODES.find((_code, number) => hasErrorCode(thrown, String(number)));
}

/** Of CUDA's libraries and of Node, which have no code for it. */
const OUT_OF_MEMORY = /\bOOM\b|out of memory|resource.?exhausted|failed to allocate/i;
/** The others may repeat what a client sent, which must not pass for a lack of memory. */
const SAY_IT_IN_WORDS: readonly (TensorFlowCode | undefined)[] = [undefined, 'INTERNAL', 'UNKNOWN'];

/** `2 root error(s) found.`, then each with its number and code. */
const SEVERAL_ERRORS = /^\d+ root error\(s\) found\.\s*\(0\)\s*(?:[A-Z_]+: )?/;

/**
 * TensorFlow failed a run; the instance lives on. Internal: the batcher finds the guilty request and
 * turns this into INFERENCE_FAILED or OUT_OF_MEMORY for it alone.
 */
export class RunFailedError extends Error {
  /** Undefined when it was not TensorFlow that failed. */
  readonly code: TensorFlowCode | undefined;
  /** What the instance computes on. */
  readonly device: 'cpu' | 'gpu' | undefined;

  constructor(message: string, code: TensorFlowCode | undefined, device?: 'cpu' | 'gpu') {
    super(message);
    this.name = 'RunFailedError';
    this.code = code;
    this.device = device;
  }

  get outOfMemory(): boolean {
    return (
      this.code === 'RESOURCE_EXHAUSTED' ||
      (SAY_IT_IN_WORDS.includes(this.code) && OUT_OF_MEMORY.test(this.message))
    );
  }

  /** An operation of the model does not take the values or the shape that it was given. */
  get inputRefused(): boolean {
    return this.code === 'INVALID_ARGUMENT';
  }

  /** One line for the client: the message without the graph's nodes, which follow it. */
  get reason(): string {
    const [line = ''] = this.message.replace(SEVERAL_ERRORS, '').split('\n');
    return line.trim();
  }
}
