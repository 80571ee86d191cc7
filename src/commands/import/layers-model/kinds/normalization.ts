import { z } from 'zod';

import { ImportError } from '../../import-error';
import { configOf, inputOf, shapeOf, type LayerCall, type LayerKind } from '../layer-call';

/** Multiplication and addition, which the server's rewriter puts into the weights before. */
const batchNormalization: LayerKind = (call) => {
  const { graph, name } = call;
  const { axis, epsilon, center, scale } = configOf(
    call,
    z.object({ axis: z.number(), epsilon: z.number(), center: z.boolean(), scale: z.boolean() }),
  );
  const last = shapeOf(call).length - 1;
  if (axis !== -1 && axis !== last) {
    throw new ImportError(
      `the layer "${name}" (BatchNormalization) has the axis ${axis}; supported: the last one, ${last}`,
    );
  }
  const { values: mean } = call.weight('moving_mean');
  const { values: variance } = call.weight('moving_variance');
  const gamma = scale ? call.weight('gamma').values : undefined;
  const beta = center ? call.weight('beta').values : undefined;
  const factors = Array.from(variance, (v, i) => (gamma?.[i] ?? 1) / Math.sqrt(v + epsilon));
  const terms = factors.map((factor, i) => (beta?.[i] ?? 0) - (mean[i] ?? 0) * factor);
  const shape = [factors.length];
  const scaled = graph.op(name, 'Mul', [
    inputOf(call),
    graph.floats(`${name}/scale`, factors, shape),
  ]);
  return graph.op(name, 'AddV2', [scaled, graph.floats(`${name}/offset`, terms, shape)]);
};

const layerNormalization: LayerKind = (call) => {
  const { graph, name } = call;
  const config = configOf(
    call,
    z.object({
      axis: z.union([z.number().transform((axis) => [axis]), z.array(z.number())]),
      epsilon: z.number(),
      center: z.boolean(),
      scale: z.boolean(),
    }),
  );
  const x = inputOf(call);
  const mean = graph.reduce(name, 'Mean', x, config.axis, true);
  const squares = graph.op(name, 'SquaredDifference', [x, mean]);
  const variance = graph.reduce(name, 'Mean', squares, config.axis, true);
  const epsilon = graph.floats(`${name}/epsilon`, [config.epsilon]);
  const factor = graph.op(name, 'Rsqrt', [graph.op(name, 'AddV2', [variance, epsilon])]);
  let y = graph.op(name, 'Mul', [graph.op(name, 'Sub', [x, mean]), factor]);
  const shape = alongAxes(call, config.axis);
  const constant = (weight: string): string =>
    graph.floats(`${name}/${weight}`, call.weight(weight).values, shape);
  if (config.scale) y = graph.op(name, 'Mul', [y, constant('gamma')]);
  if (config.center) y = graph.op(name, 'AddV2', [y, constant('beta')]);
  return y;
};

/** A shape for values that differ along some dimensions of the input and are equal along the others. */
function alongAxes(call: LayerCall, axes: readonly number[]): number[] {
  const input = shapeOf(call);
  const along = axes.map((axis) => (axis < 0 ? axis + input.length : axis));
  return input.map((size, index) => (along.includes(index) ? (size ?? 1) : 1));
}

export const NORMALIZATION_LAYERS: Readonly<Record<string, LayerKind>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
};
