/** What one request may send. */
export interface BodyLimits {
  /** Inflated. */
  readonly maxBodyBytes: number;
  readonly maxFileBytes: number;
  readonly maxFiles: number;
  /** Pictures that a request without an upload may ask for. @default 16 */
  readonly maxPictures?: number | undefined;
}
