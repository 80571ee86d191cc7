import type { Attributes } from '../../../../rewriter/graph/attributes';
import { z } from 'zod';

import {
  configOf,
  inputOf,
  paddingSchema,
  pairSchema,
  shapeOf,
  singleSchema,
  type LayerCall,
  type LayerKind,
  type LayerWeight,
} from '../layer-call';
import { intsAttr, paddingAttr } from '../layer-graph';
import { activate, activationSchema } from './activation';

const common = {
  padding: paddingSchema,
  activation: activationSchema,
  useBias: z.boolean(),
};
const plane = z.object({ ...common, strides: pairSchema, dilationRate: pairSchema });
const line = z.object({ ...common, strides: singleSchema, dilationRate: singleSchema });
const transposed = z.object({
  ...common,
  strides: pairSchema,
  kernelSize: pairSchema,
  filters: z.number(),
});

type Pair = readonly [number, number];

function attributes(padding: string, [high, wide]: Pair, [down, right]: Pair = [1, 1]): Attributes {
  return {
    padding: paddingAttr(padding),
    strides: intsAttr([1, high, wide, 1]),
    dilations: intsAttr([1, down, right, 1]),
  };
}

/** Bias and activation, which every convolution and dense layer may have. */
function finish(
  call: LayerCall,
  x: string,
  { useBias, activation }: { readonly useBias: boolean; readonly activation: string },
): string {
  const sum = useBias ? call.graph.op(call.name, 'BiasAdd', [x, call.weight('bias').tensor()]) : x;
  return activate(call, activation, sum);
}

const conv2d: LayerKind = (call) => {
  const config = configOf(call, plane);
  const attr = attributes(config.padding, config.strides, config.dilationRate);
  const kernel = call.weight('kernel').tensor();
  return finish(call, call.graph.op(call.name, 'Conv2D', [inputOf(call), kernel], attr), config);
};

/** As a picture of one row. */
const conv1d: LayerKind = (call) => {
  const { graph, name } = call;
  const config = configOf(call, line);
  const { values, shape } = call.weight('kernel');
  const kernel = graph.floats(`${name}/kernel`, values, [1, ...shape]);
  const [stride] = config.strides;
  const [dilation] = config.dilationRate;
  const row = graph.op(
    name,
    'Conv2D',
    [graph.expand(name, inputOf(call), 1), kernel],
    attributes(config.padding, [1, stride], [1, dilation]),
  );
  return finish(call, graph.squeeze(name, row, 1), config);
};

/** Dilations are refused before, here and in the next: TensorFlow.js leaves them out. */
const conv2dTranspose: LayerKind = (call) => {
  const { graph, name } = call;
  const config = configOf(call, transposed);
  const { strides, kernelSize, padding, filters } = config;
  const beyond = (axis: 0 | 1): number =>
    padding === 'valid' ? Math.max(kernelSize[axis] - strides[axis], 0) : 0;
  const x = inputOf(call);
  const scaled = graph.intOp(
    name,
    'Mul',
    graph.shapeOf(name, x),
    graph.ints(`${name}/scale`, [1, ...strides, 0]),
  );
  const rest = graph.ints(`${name}/rest`, [0, beyond(0), beyond(1), filters]);
  const size = graph.intOp(name, 'AddV2', scaled, rest);
  const kernel = call.weight('kernel').tensor();
  const y = graph.op(name, 'Conv2DBackpropInput', [size, kernel, x], attributes(padding, strides));
  return finish(call, y, config);
};

const depthwiseConv2d: LayerKind = (call) => {
  const config = configOf(call, plane);
  const kernel = call.weight('depthwise_kernel').tensor();
  const attr = attributes(config.padding, config.strides);
  const y = call.graph.op(call.name, 'DepthwiseConv2dNative', [inputOf(call), kernel], attr);
  return finish(call, y, config);
};

const separableConv2d: LayerKind = (call) => {
  const { graph, name } = call;
  const config = configOf(call, plane);
  const { values, shape } = dilated(call.weight('depthwise_kernel'), config.dilationRate);
  const depthwise = graph.op(
    name,
    'DepthwiseConv2dNative',
    [inputOf(call), graph.floats(`${name}/depthwise_kernel`, values, shape)],
    attributes(config.padding, config.strides),
  );
  const pointwise = call.weight('pointwise_kernel').tensor();
  const y = graph.op(name, 'Conv2D', [depthwise, pointwise], attributes('valid', [1, 1]));
  return finish(call, y, config);
};

/** The kernel with zeros between its values: TensorFlow's depthwise convolution has no dilation on a CPU. */
function dilated(
  { shape: [rows = 0, columns = 0, channels = 0, multiplier = 0], values }: LayerWeight,
  [down, right]: Pair,
): { readonly values: Float32Array; readonly shape: readonly number[] } {
  const depth = channels * multiplier;
  const wide = (columns - 1) * right + 1;
  const shape = [(rows - 1) * down + 1, wide, channels, multiplier];
  const spread = new Float32Array(((rows - 1) * down + 1) * wide * depth);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (row * columns + column) * depth;
      spread.set(values.subarray(from, from + depth), (row * down * wide + column * right) * depth);
    }
  }
  return { values: spread, shape };
}

const dense: LayerKind = (call) => {
  const config = configOf(call, z.object({ activation: activationSchema, useBias: z.boolean() }));
  const inputs = [inputOf(call), call.weight('kernel').tensor()];
  const op = shapeOf(call).length === 2 ? 'MatMul' : 'BatchMatMulV2';
  return finish(call, call.graph.op(call.name, op, inputs), config);
};

export const CONVOLUTION_LAYERS: Readonly<Record<string, LayerKind>> = {
  Conv1D: conv1d,
  Conv2D: conv2d,
  Conv2DTranspose: conv2dTranspose,
  DepthwiseConv2D: depthwiseConv2d,
  SeparableConv2D: separableConv2d,
  Dense: dense,
};
