import { z } from 'zod';

import {
  configOf,
  inputOf,
  paddingSchema,
  pairSchema,
  singleSchema,
  type LayerKind,
} from '../layer-call';
import { intsAttr, paddingAttr, type LayerGraph } from '../layer-graph';

interface Window {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: string;
}

function pool(
  graph: LayerGraph,
  name: string,
  op: string,
  x: string,
  { size, strides, padding }: Window,
): string {
  return graph.op(name, op, [x], {
    ksize: intsAttr([1, ...size, 1]),
    strides: intsAttr([1, ...strides, 1]),
    padding: paddingAttr(padding),
  });
}

const plane = z.object({ poolSize: pairSchema, strides: pairSchema, padding: paddingSchema });
const line = z.object({ poolSize: singleSchema, strides: singleSchema, padding: paddingSchema });

function pooling2d(op: string): LayerKind {
  return (call) => {
    const { poolSize: size, strides, padding } = configOf(call, plane);
    return pool(call.graph, call.name, op, inputOf(call), { size, strides, padding });
  };
}

/** As a picture of one column. */
function pooling1d(op: string): LayerKind {
  return (call) => {
    const { graph, name } = call;
    const { poolSize, strides, padding } = configOf(call, line);
    const column = pool(graph, name, op, graph.expand(name, inputOf(call), 2), {
      size: [poolSize[0], 1],
      strides: [strides[0], 1],
      padding,
    });
    return graph.squeeze(name, column, 2);
  };
}

function global(op: string, axes: readonly number[]): LayerKind {
  return (call) => call.graph.reduce(call.name, op, inputOf(call), axes, false);
}

export const POOLING_LAYERS: Readonly<Record<string, LayerKind>> = {
  MaxPooling1D: pooling1d('MaxPool'),
  AveragePooling1D: pooling1d('AvgPool'),
  MaxPooling2D: pooling2d('MaxPool'),
  AveragePooling2D: pooling2d('AvgPool'),
  GlobalMaxPooling1D: global('Max', [1]),
  GlobalAveragePooling1D: global('Mean', [1]),
  GlobalMaxPooling2D: global('Max', [1, 2]),
  GlobalAveragePooling2D: global('Mean', [1, 2]),
};
