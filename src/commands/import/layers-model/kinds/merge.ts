import { boolAttr, intAttr, typeAttr } from '../../../../rewriter/graph/attributes';
import { DataType } from '../../../../saved-model/protobuf/tensorflow_pb';
import { z } from 'zod';

import { ImportError } from '../../import-error';
import { configOf, type LayerCall, type LayerKind } from '../layer-call';

/** Inputs of fewer dimensions get new ones behind the first, as in TensorFlow.js. */
function alike({ graph, name, inputs, inputShapes }: LayerCall): string[] {
  const rank = Math.max(...inputShapes.map(({ length }) => length));
  return inputs.map((input, index) => {
    let x = input;
    for (let own = inputShapes[index]?.length ?? rank; own < rank; own++) {
      x = graph.expand(name, x, 1);
    }
    return x;
  });
}

function elementwise(op: string): LayerKind {
  return (call) => {
    const [first = '', ...others] = alike(call);
    return others.reduce((sum, next) => call.graph.op(call.name, op, [sum, next]), first);
  };
}

const average: LayerKind = (call) => {
  const { graph, name, inputs } = call;
  const sum = elementwise('AddV2')(call);
  return graph.op(name, 'Mul', [sum, graph.floats(`${name}/share`, [1 / inputs.length])]);
};

const concatenate: LayerKind = (call) => {
  const { graph, name, inputs } = call;
  const { axis } = configOf(call, z.object({ axis: z.number() }));
  return graph.op(name, 'ConcatV2', [...inputs, graph.ints(`${name}/axis`, [axis], [])], {
    N: intAttr(inputs.length),
    Tidx: typeAttr(DataType.DT_INT32),
  });
};

/** Vectors with vectors, and matrices with matrices. */
const dot: LayerKind = (call) => {
  const { graph, name, inputs, inputShapes } = call;
  const { axes, normalize } = configOf(
    call,
    z.object({
      axes: z.union([z.number().transform((axis) => [axis, axis]), z.array(z.number())]),
      normalize: z.boolean(),
    }),
  );
  const ranks = inputShapes.map(({ length }) => length);
  const [a = 0, b = 0] = axes.map((axis, i) => (axis < 0 ? axis + (ranks[i] ?? 0) : axis));
  const kind = ranks.join();
  if (normalize || (kind !== '2,2' && kind !== '3,3') || a === 0 || b === 0) {
    throw new ImportError(
      `the layer "${name}" (Dot) is supported for two inputs of 2 or of 3 dimensions, without normalize`,
    );
  }
  if (kind === '2,2') return graph.reduce(name, 'Sum', graph.op(name, 'Mul', inputs), [1], true);
  return graph.op(name, 'BatchMatMulV2', inputs, {
    adj_x: boolAttr(a === 1),
    adj_y: boolAttr(b === 2),
  });
};

export const MERGE_LAYERS: Readonly<Record<string, LayerKind>> = {
  Add: elementwise('AddV2'),
  Multiply: elementwise('Mul'),
  Maximum: elementwise('Maximum'),
  Minimum: elementwise('Minimum'),
  Average: average,
  Concatenate: concatenate,
  Dot: dot,
};
