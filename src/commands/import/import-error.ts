/** A model that cannot be imported; the message says what stands in the way. */
export class ImportError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'ImportError';
  }
}
