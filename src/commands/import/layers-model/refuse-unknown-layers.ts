import { z } from 'zod';

import { ImportError } from '../import-error';
import { LAYER_KINDS, layerKind } from './layer-kinds';

const layerSchema = z.object({
  class_name: z.string(),
  config: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]),
});
type Layer = z.infer<typeof layerSchema>;

const MODELS: readonly string[] = ['Sequential', 'Model', 'Functional'];

/**
 * Looks through the topology of a Keras model before TensorFlow.js loads it.
 * @throws ImportError naming everything in it that is not imported
 */
export function refuseUnknownLayers(topology: Readonly<Record<string, unknown>>): void {
  const parsed = layerSchema.safeParse(topology.model_config ?? topology);
  if (!parsed.success) throw new ImportError('the topology of the layers cannot be read');
  const problems = [...new Set([...problemsOf(parsed.data)])];
  if (problems.length === 0) return;
  throw new ImportError(
    `the model has layers that are not supported: ${problems.join('; ')}; supported: InputLayer, ${Object.keys(LAYER_KINDS).join(', ')}`,
  );
}

function* problemsOf({ class_name: kind, config }: Layer): Generator<string> {
  if (MODELS.includes(kind)) {
    const layers: unknown = Array.isArray(config) ? config : config.layers;
    for (const layer of Array.isArray(layers) ? (layers as unknown[]) : []) {
      const parsed = layerSchema.safeParse(layer);
      if (parsed.success) yield* problemsOf(parsed.data);
      else yield 'a layer without a class';
    }
    return;
  }
  if (kind !== 'InputLayer' && layerKind(kind) === undefined) yield kind;
  if (Array.isArray(config)) return;
  if (config.data_format === 'channels_first' || config.data_format === 'channelsFirst') {
    yield `${kind} with its channels first`;
  }
  // TensorFlow.js leaves these out, so that its answers are not those of the original.
  const dilated = [config.dilation_rate ?? 1].flat().some((rate) => rate !== 1);
  if (dilated && (kind === 'DepthwiseConv2D' || kind === 'Conv2DTranspose')) {
    yield `${kind} with dilation_rate, which TensorFlow.js ignores`;
  }
  if (kind === 'ReLU' && ![0, undefined, null].includes(config.negative_slope as never)) {
    yield 'ReLU with negative_slope, which TensorFlow.js ignores';
  }
  if (kind === 'ReLU' && ![0, undefined, null].includes(config.threshold as never)) {
    yield 'ReLU with threshold, which TensorFlow.js ignores';
  }
}
