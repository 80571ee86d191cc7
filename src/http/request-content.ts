import type { ImageSource } from '../inference/image-request';
import type { RawValues } from '../tasks/inputs/request-values';
import type { RemoteImage } from './image-url/fetch-images';

/** What the body of a request for a model with several inputs holds. */
interface Content<Image> {
  /** Those that are answered. */
  readonly images: readonly Image[];
  /** Others, by role. */
  readonly pictures: ReadonlyMap<string, readonly Image[]>;
  /** Parameters as they came. */
  readonly values: RawValues;
}

/** The same with its images at hand. */
export type RequestContent = Content<ImageSource>;

/** The same as it was sent: images may still have to be fetched. */
export type SentContent = Content<ImageSource | RemoteImage>;
