/** An error the user can act on: printed without a stack, with the command that helps. */
export class SetupError extends Error {
  /**
   * @param {string} message what is wrong
   * @param {string} [hint] what to do about it, on its own line
   */
  constructor(message, hint) {
    super(message);
    this.name = 'SetupError';
    this.hint = hint;
  }
}
