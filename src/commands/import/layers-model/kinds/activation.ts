import { floatAttr } from '../../../../rewriter/graph/attributes';
import { DataType } from '../../../../saved-model/protobuf/tensorflow_pb';
import { z } from 'zod';

import { ImportError } from '../../import-error';
import { configOf, inputOf, type LayerCall, type LayerKind } from '../layer-call';
import type { LayerGraph } from '../layer-graph';

type Activation = (graph: LayerGraph, name: string, x: string) => string;

function operation(op: string): Activation {
  return (graph, name, x) => graph.op(name, op, [x]);
}

const SIGMOID = operation('Sigmoid');
const TANH = operation('Tanh');
const SOFTPLUS = operation('Softplus');

function times(graph: LayerGraph, name: string, x: string, factor: number): string {
  return graph.op(name, 'Mul', [x, graph.floats(`${name}/factor`, [factor])]);
}

function plus(graph: LayerGraph, name: string, x: string, term: number): string {
  return graph.op(name, 'AddV2', [x, graph.floats(`${name}/term`, [term])]);
}

function atMost(graph: LayerGraph, name: string, x: string, limit: number): string {
  return graph.op(name, 'Minimum', [x, graph.floats(`${name}/limit`, [limit])]);
}

/** By the names that TensorFlow.js gives them. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  linear: (_graph, _name, x) => x,
  relu: operation('Relu'),
  relu6: operation('Relu6'),
  elu: operation('Elu'),
  selu: operation('Selu'),
  sigmoid: SIGMOID,
  tanh: TANH,
  softplus: SOFTPLUS,
  softsign: operation('Softsign'),
  softmax: operation('Softmax'),
  logSoftmax: operation('LogSoftmax'),
  hardSigmoid: (graph, name, x) => {
    const line = plus(graph, name, times(graph, name, x, 0.2), 0.5);
    return atMost(graph, name, graph.op(name, 'Relu', [line]), 1);
  },
  swish: (graph, name, x) => graph.op(name, 'Mul', [x, SIGMOID(graph, name, x)]),
  mish: (graph, name, x) => graph.op(name, 'Mul', [x, TANH(graph, name, SOFTPLUS(graph, name, x))]),
  gelu: (graph, name, x) => {
    const erf = graph.op(name, 'Erf', [times(graph, name, x, Math.SQRT1_2)]);
    return graph.op(name, 'Mul', [x, times(graph, name, plus(graph, name, erf, 1), 0.5)]);
  },
};

/** @throws ImportError for an activation that is not known */
export function activate({ graph, name }: LayerCall, activation: string, x: string): string {
  const known = ACTIVATIONS[activation];
  if (known !== undefined) return known(graph, name, x);
  throw new ImportError(
    `the layer "${name}" has the activation ${activation}; supported: ${Object.keys(ACTIVATIONS).join(', ')}`,
  );
}

/** What layers with an activation of their own state. */
export const activationSchema = z
  .string()
  .nullish()
  .transform((name) => name ?? 'linear');

const activation: LayerKind = (call) => {
  const config = configOf(call, z.object({ activation: activationSchema }));
  return activate(call, config.activation, inputOf(call));
};

const relu: LayerKind = (call) => {
  const { maxValue } = configOf(call, z.object({ maxValue: z.number().nullish() }));
  const x = call.graph.op(call.name, 'Relu', [inputOf(call)]);
  return maxValue === undefined || maxValue === null
    ? x
    : atMost(call.graph, call.name, x, maxValue);
};

const leakyRelu: LayerKind = (call) => {
  const { alpha } = configOf(call, z.object({ alpha: z.number() }));
  return call.graph.op(call.name, 'LeakyRelu', [inputOf(call)], { alpha: floatAttr(alpha) });
};

const prelu: LayerKind = (call) => {
  const { graph, name } = call;
  const x = inputOf(call);
  const negative = atMost(graph, name, x, 0);
  const scaled = graph.op(name, 'Mul', [negative, call.weight('alpha').tensor()]);
  return graph.op(name, 'AddV2', [graph.op(name, 'Relu', [x]), scaled]);
};

const thresholdedRelu: LayerKind = (call) => {
  const { graph, name } = call;
  const { theta } = configOf(call, z.object({ theta: z.number() }));
  const x = inputOf(call);
  const above = graph.op(name, 'Greater', [x, graph.floats(`${name}/theta`, [theta])]);
  const kept = graph.cast(name, above, DataType.DT_BOOL, DataType.DT_FLOAT);
  return graph.op(name, 'Mul', [x, kept]);
};

const elu: LayerKind = (call) => call.graph.op(call.name, 'Elu', [inputOf(call)]);

/** TensorFlow.js itself runs it over the last dimension only. */
const softmax: LayerKind = (call) => call.graph.op(call.name, 'Softmax', [inputOf(call)]);

const rescaling: LayerKind = (call) => {
  const { scale, offset } = configOf(call, z.object({ scale: z.number(), offset: z.number() }));
  const { graph, name } = call;
  return plus(graph, name, times(graph, name, inputOf(call), scale), offset);
};

export const ACTIVATION_LAYERS: Readonly<Record<string, LayerKind>> = {
  Activation: activation,
  ReLU: relu,
  LeakyReLU: leakyRelu,
  PReLU: prelu,
  ThresholdedReLU: thresholdedRelu,
  ELU: elu,
  Softmax: softmax,
  Rescaling: rescaling,
};
