import { channelConstants } from '../../imaging/normalize';
import { typeAttr } from '../graph/attributes';
import { DataType } from '../../saved-model/protobuf/tensorflow_pb';
import type { GraphBuilder } from './graph-builder';
import type { ImagePlan } from './image-plan';

const INPUT_TYPES = {
  float32: DataType.DT_FLOAT,
  int32: DataType.DT_INT32,
  uint8: DataType.DT_UINT8,
} as const;

/** Why pixels of a model are prepared outside the graph; undefined when they need not be. */
export function preprocessProblem({ input }: ImagePlan): string | undefined {
  if (input.colorOrder === 'grayscale') return 'grey pixels are made from RGB outside the graph';
  if (input.dtype !== 'float32' && input.normalization !== 'none') {
    return 'normalised values become whole numbers outside the graph';
  }
  return undefined;
}

/**
 * From uint8 RGB [rows, height, width, 3] to what the model takes.
 * @returns the tensor to feed the model
 */
export function addPreprocessing(builder: GraphBuilder, pixels: string, plan: ImagePlan): string {
  const { input } = plan;
  let tensor = pixels;
  if (input.colorOrder === 'bgr') {
    tensor = builder.add('ReverseV2', [tensor, builder.integers([3])], {
      T: typeAttr(DataType.DT_UINT8),
      Tidx: typeAttr(DataType.DT_INT32),
    });
  }
  const type = INPUT_TYPES[input.dtype];
  tensor = builder.cast(tensor, DataType.DT_UINT8, type);
  if (input.dtype === 'float32') tensor = addNormalization(builder, tensor, plan);
  // Last: TensorFlow exchanges it with a cast beside it, and oneDNN logs an error when it is to move
  // bytes without AVX-512.
  return input.layout === 'NCHW' ? builder.transpose(tensor, type, [0, 3, 1, 2]) : tensor;
}

function addNormalization(builder: GraphBuilder, pixels: string, { input }: ImagePlan): string {
  let tensor = pixels;
  const { mean, std } = channelConstants(input.normalization);
  const constant = (values: readonly number[]): string => {
    const [first = 0] = values;
    if (values.every((value) => value === first)) return builder.floats([first]);
    // Constants belong to the colour, not to its place.
    return builder.floats(input.colorOrder === 'bgr' ? [...values].reverse() : values, [3]);
  };
  if (mean.some((value) => value !== 0)) tensor = builder.binary('Sub', tensor, constant(mean));
  if (std.some((value) => value !== 1)) {
    tensor = builder.binary('Mul', tensor, constant(std.map((value) => 1 / value)));
  }
  return tensor;
}
