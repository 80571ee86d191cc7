import type { Placement, Size } from '../imaging/geometry';
import type { ImageTensor } from '../imaging/preprocess';

/** How a picture was fed to a model. */
export interface FedPicture {
  readonly placement: Placement;
  /** Size of what was fed, bars included. */
  readonly fed: Size;
  /** Size of the upright original. */
  readonly original: Size;
}

export function fedPicture({ placement, width, height, source }: ImageTensor): FedPicture {
  return {
    placement,
    fed: { width, height },
    original: { width: source.width, height: source.height },
  };
}
