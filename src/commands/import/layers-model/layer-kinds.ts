import type { LayerKind } from './layer-call';
import { ACTIVATION_LAYERS } from './kinds/activation';
import { ARRANGEMENT_LAYERS, pixelShuffle } from './kinds/arrangement';
import { CONVOLUTION_LAYERS } from './kinds/convolution';
import { MERGE_LAYERS } from './kinds/merge';
import { NORMALIZATION_LAYERS } from './kinds/normalization';
import { POOLING_LAYERS } from './kinds/pooling';

/** Every kind of layer that is imported, by its class. */
export const LAYER_KINDS: Readonly<Record<string, LayerKind>> = {
  ...CONVOLUTION_LAYERS,
  ...POOLING_LAYERS,
  ...NORMALIZATION_LAYERS,
  ...ACTIVATION_LAYERS,
  ...MERGE_LAYERS,
  ...ARRANGEMENT_LAYERS,
};

export function layerKind(className: string): LayerKind | undefined {
  return LAYER_KINDS[className] ?? pixelShuffle(className);
}
