import { boolAttr, typeAttr } from '../../src/rewriter/graph/attributes';
import { DataType } from '../../src/saved-model/protobuf/tensorflow_pb';
import { ModelSketch, type SketchedTensor } from './model-sketch';

const FLOAT = { T: typeAttr(DataType.DT_FLOAT) };
const TYPES = {
  float32: DataType.DT_FLOAT,
  int32: DataType.DT_INT32,
  uint8: DataType.DT_UINT8,
} as const;

export interface PictureModel {
  /** Type of the input. @default float32 */
  readonly dtype?: keyof typeof TYPES;
  /** @default NHWC */
  readonly layout?: 'NHWC' | 'NCHW';
  /** Height and width of the input. @default any */
  readonly side?: number;
  /** @default 3 */
  readonly channels?: 1 | 3;
  /**
   * `scaled`: input · gain + shift, a picture. `quotient`: input / input, no number where it is 0.
   * `classes`: the mean colour times `weights` [3, classes]. `frame`: input + a black picture of
   * that side, which TensorFlow refuses to add to one of another.
   */
  readonly network:
    | { readonly kind: 'scaled'; readonly gain: number; readonly shift: number }
    | { readonly kind: 'quotient' }
    | { readonly kind: 'frame'; readonly side: number }
    | { readonly kind: 'classes'; readonly weights: readonly (readonly number[])[] };
  /** Type of a picture that is answered. @default float32 */
  readonly answers?: 'float32' | 'int32';
  /** @default serving_default */
  readonly signature?: string;
}

/** Writes a SavedModel without variables, of one signature from `x` to `y`. */
export async function writePictureModel(
  directory: string,
  {
    dtype = 'float32',
    layout = 'NHWC',
    side = -1,
    channels = 3,
    network,
    answers = 'float32',
    signature = 'serving_default',
  }: PictureModel,
): Promise<void> {
  const model = new ModelSketch();
  const shape = layout === 'NHWC' ? [-1, side, side, channels] : [-1, channels, side, side];
  const type = TYPES[dtype];
  const x = model.placeholder(type, shape);
  const input = model.cast(x, type, DataType.DT_FLOAT);
  const y =
    network.kind === 'classes'
      ? addClasses(model, input, network.weights, { layout, channels })
      : addPicture(model, input, network, TYPES[answers], shape);
  await model.write(directory, {
    [signature]: { inputs: { x: { node: x, dtype: type, shape } }, outputs: { y } },
  });
}

function addClasses(
  model: ModelSketch,
  input: string,
  weights: readonly (readonly number[])[],
  { layout, channels }: Required<Pick<PictureModel, 'layout' | 'channels'>>,
): SketchedTensor {
  const mean = model.add('Mean', [input, model.integers(layout === 'NHWC' ? [1, 2] : [2, 3])], {
    ...FLOAT,
    Tidx: typeAttr(DataType.DT_INT32),
    keep_dims: boolAttr(false),
  });
  const classes = weights[0]?.length ?? 0;
  const node = model.add(
    'MatMul',
    [mean, model.floats(weights.flat(), [channels, classes])],
    FLOAT,
  );
  return { node, dtype: DataType.DT_FLOAT, shape: [-1, classes] };
}

function addPicture(
  model: ModelSketch,
  input: string,
  network: Exclude<PictureModel['network'], { kind: 'classes' }>,
  dtype: DataType,
  shape: readonly number[],
): SketchedTensor {
  const made = (): string => {
    if (network.kind === 'quotient') return model.add('RealDiv', [input, input], FLOAT);
    if (network.kind === 'frame') {
      const { side } = network;
      const black = model.floats(new Array<number>(side ** 2).fill(0), [1, side, side, 1]);
      return model.add('AddV2', [input, black], FLOAT);
    }
    const scaled = model.add('Mul', [input, model.floats([network.gain])], FLOAT);
    return model.add('AddV2', [scaled, model.floats([network.shift])], FLOAT);
  };
  return { node: model.cast(made(), DataType.DT_FLOAT, dtype), dtype, shape };
}
