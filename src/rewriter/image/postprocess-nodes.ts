import { boolAttr, typeAttr } from '../graph/attributes';
import { DataType } from '../../saved-model/protobuf/tensorflow_pb';
import type { TensorSpec } from '../../kernel/tensor';
import type { GraphBuilder } from './graph-builder';
import type { Postprocess } from './image-plan';
import { PIXELS_OUT, TOP_INDICES, TOP_SCORES } from './image-plan';

/** An output that was added to a graph. */
export interface AddedOutput {
  readonly tensor: string;
  readonly dtype: DataType;
  readonly shape: readonly number[];
}

/** Why what follows the network of a model stays outside the graph; undefined when it need not. */
export function postprocessProblem(
  postprocess: Postprocess,
  { name, tfDtype, dtype, shape }: TensorSpec,
): string | undefined {
  if (postprocess.kind === 'pixels') {
    const channels = shape?.length === 4 ? shape[postprocess.layout === 'NHWC' ? 3 : 1] : undefined;
    if (channels !== 1 && channels !== 3) return `output "${name}" has no fixed 1 or 3 channels`;
    if (dtype === 'float32' || dtype === 'int32') return undefined;
    return `output "${name}" is ${tfDtype}`;
  }
  if (dtype !== 'float32') return `output "${name}" is ${tfDtype}`;
  const classes = shape?.at(-1) ?? -1;
  const oneVector = shape !== undefined && shape.length > 1 && shape.slice(1, -1).every(isOne);
  return oneVector && classes > 0
    ? undefined
    : `output "${name}" has no fixed number of classes, one vector a row`;
}

function isOne(size: number): boolean {
  return size === 1;
}

/** @returns what the graph then answers, by name */
export function addPostprocessing(
  builder: GraphBuilder,
  output: string,
  spec: TensorSpec,
  postprocess: Postprocess,
): Readonly<Record<string, AddedOutput>> {
  const shape = spec.shape ?? [];
  return postprocess.kind === 'pixels'
    ? addPixels(builder, output, spec, postprocess)
    : addTopClasses(builder, output, shape, postprocess);
}

/** As toImage: (v − low) / (high − low) · 255, clipped and rounded, halves to the even side. */
function addPixels(
  builder: GraphBuilder,
  output: string,
  { dtype, shape = [] }: TensorSpec,
  { valueRange: [low, high], layout }: Extract<Postprocess, { kind: 'pixels' }>,
): Readonly<Record<string, AddedOutput>> {
  const type = dtype === 'int32' ? DataType.DT_INT32 : DataType.DT_FLOAT;
  let tensor = builder.cast(output, type, DataType.DT_FLOAT);
  // Not beside the last cast: see addPreprocessing.
  if (layout === 'NCHW') tensor = builder.transpose(tensor, DataType.DT_FLOAT, [0, 2, 3, 1]);
  if (low !== 0) tensor = builder.binary('Sub', tensor, builder.floats([low]));
  const range = high - low;
  const scale = 255 / range;
  if (Math.fround(scale) === scale) {
    if (scale !== 1) tensor = builder.binary('Mul', tensor, builder.floats([scale]));
  } else {
    // A rounded factor would put halves of whole numbers on either side.
    tensor = builder.binary('Mul', tensor, builder.floats([255]));
    tensor = builder.binary('RealDiv', tensor, builder.floats([range]));
  }
  tensor = builder.binary('Maximum', tensor, builder.floats([0]));
  tensor = builder.binary('Minimum', tensor, builder.floats([255]));
  tensor = builder.unary('Round', tensor);
  const [rows = -1, second = -1, third = -1, fourth = -1] = shape;
  tensor = builder.cast(tensor, DataType.DT_FLOAT, DataType.DT_UINT8);
  return {
    [PIXELS_OUT]: {
      tensor,
      dtype: DataType.DT_UINT8,
      shape: layout === 'NHWC' ? shape : [rows, third, fourth, second],
    },
  };
}

/**
 * As classify: the order is that of the scores before the activation, ties by rising index; one
 * score that is not a number makes all of them none.
 */
function addTopClasses(
  builder: GraphBuilder,
  output: string,
  shape: readonly number[],
  { activation, k }: Extract<Postprocess, { kind: 'classes' }>,
): Readonly<Record<string, AddedOutput>> {
  const answered = Math.min(k, shape.at(-1) ?? k);
  const top = builder.add('TopKV2', [output, builder.integers([answered], [])], {
    sorted: boolAttr(true),
    T: typeAttr(DataType.DT_FLOAT),
    Tk: typeAttr(DataType.DT_INT32),
    index_type: typeAttr(DataType.DT_INT32),
  });
  const vector = [...shape.slice(0, -1), answered];
  return {
    [TOP_SCORES]: {
      tensor: activated(builder, output, top, activation),
      dtype: DataType.DT_FLOAT,
      shape: vector,
    },
    [TOP_INDICES]: { tensor: `${top}:1`, dtype: DataType.DT_INT32, shape: vector },
  };
}

function activated(
  builder: GraphBuilder,
  output: string,
  top: string,
  activation: 'softmax' | 'sigmoid' | 'none',
): string {
  const lastAxis = builder.integers([-1]);
  const reduction = {
    keep_dims: boolAttr(true),
    Tidx: typeAttr(DataType.DT_INT32),
  };
  if (activation === 'softmax') {
    const reduce = (op: string, tensor: string): string =>
      builder.add(op, [tensor, lastAxis], { ...reduction, T: typeAttr(DataType.DT_FLOAT) });
    const max = reduce('Max', output);
    const exponentials = builder.unary('Exp', builder.binary('Sub', output, max));
    const best = builder.unary('Exp', builder.binary('Sub', top, max));
    return builder.binary('RealDiv', best, reduce('Sum', exponentials));
  }
  const scores = activation === 'sigmoid' ? builder.unary('Sigmoid', top) : top;
  const notNumbers = builder.unary('IsNan', output);
  const any = builder.add('Any', [notNumbers, lastAxis], reduction);
  return builder.add('SelectV2', [any, builder.floats([NaN]), scores], {
    T: typeAttr(DataType.DT_FLOAT),
  });
}
