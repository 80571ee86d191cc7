/** The model cannot be rewritten safely and is served as it is; the message says why. */
export class NotRewritableError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'NotRewritableError';
  }
}

/** It was rewritten, and the rewrite fails or answers otherwise: a fault, where the above is none. */
export class RewriteDroppedError extends NotRewritableError {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'RewriteDroppedError';
  }
}
