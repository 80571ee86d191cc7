import { channelConstants } from '../../imaging/normalize';
import { typeAttr } from '../graph/attributes';
import { DataType } from '../protobuf/tensorflow_pb';
import type { GraphBuilder } from './graph-builder';
import type { ImagePlan } from './image-plan';

export const INPUT_TYPES = {
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
 * From uint8 RGB [rows, height, width, 3] to what the model takes. What moves pixels comes first,
 * where they are a quarter of the size.
 * @returns the tensor to feed the model
 */
export function addPreprocessing(
  builder: GraphBuilder,
  pixels: string,
  { input }: ImagePlan,
): string {
  const bgr = input.colorOrder === 'bgr';
  let tensor = pixels;
  if (bgr) {
    tensor = builder.add('ReverseV2', [tensor, builder.integers([3])], {
      T: typeAttr(DataType.DT_UINT8),
      Tidx: typeAttr(DataType.DT_INT32),
    });
  }
  if (input.layout === 'NCHW') {
    tensor = builder.transpose(tensor, DataType.DT_UINT8, [0, 3, 1, 2]);
  }
  tensor = builder.cast(tensor, DataType.DT_UINT8, INPUT_TYPES[input.dtype]);
  if (input.dtype !== 'float32') return tensor;
  const { mean, std } = channelConstants(input.normalization);
  const constant = (values: readonly number[]): string => {
    const [first = 0] = values;
    if (values.every((value) => value === first)) return builder.floats([first]);
    const ordered = bgr ? [...values].reverse() : values;
    return builder.floats(ordered, input.layout === 'NHWC' ? [3] : [3, 1, 1]);
  };
  if (mean.some((value) => value !== 0)) tensor = builder.binary('Sub', tensor, constant(mean));
  if (std.some((value) => value !== 1)) {
    tensor = builder.binary('Mul', tensor, constant(std.map((value) => 1 / value)));
  }
  return tensor;
}
