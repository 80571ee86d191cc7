import type { ImageSource } from '../inference/image-request';
import type { RawValues } from '../tasks/inputs/request-values';

/** What the body of a request for a model with several inputs holds. */
export interface RequestContent {
  /** Those that are answered. */
  readonly images: readonly ImageSource[];
  /** Others, by role. */
  readonly pictures: ReadonlyMap<string, readonly ImageSource[]>;
  /** Parameters as they came. */
  readonly values: RawValues;
}
