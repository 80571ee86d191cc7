import { boolAttr, intAttr, typeAttr } from '../../../../rewriter/graph/attributes';
import { DataType } from '../../../../saved-model/protobuf/tensorflow_pb';
import { z } from 'zod';

import {
  configOf,
  inputOf,
  pairSchema,
  shapeOf,
  type LayerKind,
  type LayerShape,
} from '../layer-call';
import { PIXEL_SHUFFLE, RESIDUAL_FACTOR } from '../../tfjs/packaged-layers';

const INDEX = typeAttr(DataType.DT_INT32);
/** For two sides: what lies before and what lies behind. */
const borders = z.tuple([pairSchema, pairSchema]);

const identity: LayerKind = (call) => inputOf(call);

const reshape: LayerKind = (call) => {
  const { targetShape } = configOf(call, z.object({ targetShape: z.array(z.number().nullable()) }));
  const known = knownSizes(call.outputShape);
  return call.graph.reshape(
    call.name,
    inputOf(call),
    known ?? targetShape.map((size) => size ?? -1),
  );
};

const flatten: LayerKind = (call) => {
  const known = knownSizes(shapeOf(call));
  const size = known?.reduce((product, side) => product * side, 1) ?? -1;
  return call.graph.reshape(call.name, inputOf(call), [size]);
};

function knownSizes(shape: LayerShape): number[] | undefined {
  const sizes = shape.slice(1).filter((size) => size !== null);
  return sizes.length === shape.length - 1 ? sizes : undefined;
}

const permute: LayerKind = (call) => {
  const { graph, name } = call;
  const { dims } = configOf(call, z.object({ dims: z.array(z.number()) }));
  return graph.op(name, 'Transpose', [inputOf(call), graph.ints(`${name}/order`, [0, ...dims])], {
    Tperm: INDEX,
  });
};

const repeatVector: LayerKind = (call) => {
  const { graph, name } = call;
  const { n } = configOf(call, z.object({ n: z.number() }));
  const row = graph.expand(name, inputOf(call), 1);
  return graph.op(name, 'Tile', [row, graph.ints(`${name}/times`, [1, n, 1])], {
    Tmultiples: INDEX,
  });
};

const zeroPadding2d: LayerKind = (call) => {
  const { graph, name } = call;
  const { padding } = configOf(call, z.object({ padding: borders }));
  const around = graph.ints(`${name}/padding`, [0, 0, ...padding.flat(), 0, 0], [4, 2]);
  return graph.op(name, 'Pad', [inputOf(call), around], { Tpaddings: INDEX });
};

const cropping2d: LayerKind = (call) => {
  const { graph, name } = call;
  const { cropping } = configOf(call, z.object({ cropping: borders }));
  const [[top, bottom], [left, right]] = cropping;
  // The first and the last dimension are whole, and so is a side from which nothing is cropped.
  const whole = 0b1001;
  return graph.op(
    name,
    'StridedSlice',
    [
      inputOf(call),
      graph.ints(`${name}/begin`, [0, top, left, 0]),
      graph.ints(`${name}/end`, [0, -bottom, -right, 0]),
      graph.ints(`${name}/strides`, [1, 1, 1, 1]),
    ],
    {
      Index: INDEX,
      begin_mask: intAttr(whole),
      end_mask: intAttr(whole | (bottom === 0 ? 0b10 : 0) | (right === 0 ? 0b100 : 0)),
    },
  );
};

const upSampling2d: LayerKind = (call) => {
  const { graph, name } = call;
  const { size, interpolation } = configOf(
    call,
    z.object({
      size: pairSchema,
      interpolation: z.enum(['nearest', 'bilinear']).default('nearest'),
    }),
  );
  const x = inputOf(call);
  const sides = graph.sliceOf(name, graph.shapeOf(name, x), 1, 2);
  const wanted = graph.intOp(name, 'Mul', sides, graph.ints(`${name}/factors`, size));
  const op = interpolation === 'nearest' ? 'ResizeNearestNeighbor' : 'ResizeBilinear';
  // TensorFlow.js counts from the corners of pixels, where Keras counts from their centres.
  return graph.op(name, op, [x, wanted], {
    align_corners: boolAttr(false),
    half_pixel_centers: boolAttr(false),
  });
};

const multiplyBeta: LayerKind = ({ graph, name, inputs }) =>
  graph.op(name, 'Mul', [...inputs, graph.floats(`${name}/beta`, [RESIDUAL_FACTOR])]);

/** Undefined for a layer of another class. */
export function pixelShuffle(className: string): LayerKind | undefined {
  const scale = PIXEL_SHUFFLE.exec(className)?.[1];
  if (scale === undefined) return undefined;
  return (call) =>
    call.graph.op(call.name, 'DepthToSpace', [inputOf(call)], {
      block_size: intAttr(Number(scale)),
    });
}

export const ARRANGEMENT_LAYERS: Readonly<Record<string, LayerKind>> = {
  Reshape: reshape,
  Flatten: flatten,
  Permute: permute,
  RepeatVector: repeatVector,
  ZeroPadding2D: zeroPadding2d,
  Cropping2D: cropping2d,
  UpSampling2D: upSampling2d,
  MultiplyBeta: multiplyBeta,
  // Of use in training only.
  Dropout: identity,
  SpatialDropout1D: identity,
  AlphaDropout: identity,
  GaussianDropout: identity,
  GaussianNoise: identity,
};
