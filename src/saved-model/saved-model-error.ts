/** A SavedModel that cannot be read or written; the message says what is wrong with it. */
export class SavedModelError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'SavedModelError';
  }
}
