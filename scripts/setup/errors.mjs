/** An error the user can act on: printed without a stack, with the command that helps. */
export class SetupError extends Error {
  /** What to do about it, on its own line. */
  hint;

  /**
   * @param {string} message what is wrong
   * @param {string} [hint] what to do about it
   */
  constructor(message, hint) {
    super(message);
    this.name = 'SetupError';
    this.hint = hint;
  }
}

/**
 * The code of a system error, such as ENOENT; undefined for any other value.
 * @param {unknown} error
 */
export function systemCode(error) {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
