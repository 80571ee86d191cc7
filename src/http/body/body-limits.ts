/** What one request may send. */
export interface BodyLimits {
  /** Inflated. */
  readonly maxBodyBytes: number;
  readonly maxFileBytes: number;
  readonly maxFiles: number;
}
