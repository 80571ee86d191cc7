import { SavedModelError } from '../saved-model/saved-model-error';

/** The model cannot be rewritten safely and is served as it is; the message says why. */
export class NotRewritableError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'NotRewritableError';
  }
}

/** Whether the model itself is the reason: asked again, the answer is the same. */
export function isNotRewritable(thrown: unknown): thrown is Error {
  return thrown instanceof NotRewritableError || thrown instanceof SavedModelError;
}

/** It was rewritten, and the rewrite fails or answers otherwise: a fault, where the above is none. */
export class RewriteDroppedError extends NotRewritableError {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'RewriteDroppedError';
  }
}
