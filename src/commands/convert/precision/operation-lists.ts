import { isControl } from '../../../rewriter/graph/references';
import type { NodeDef } from '../../../saved-model/protobuf/tensorflow_pb';

/**
 * Which operations run in 16 bits. The division into kinds is that of TensorFlow's automatic mixed
 * precision (tensorflow/core/grappler/optimizers/auto_mixed_precision_lists.h: allow, infer, clear,
 * deny); the lists are this project's own, of operations that TensorFlow 2.21 has kernels for in both
 * types on the CPU. The attribute `T` is the type of the values of each.
 */
export interface HalfOperation {
  /** `always` in 16 bits, or only `between` operations that are. */
  readonly kind: 'always' | 'between';
  /** Places of the inputs whose type is `T`: the others are shapes, axes and the like. */
  readonly inputs: 'all' | 'all but the last' | readonly number[];
}

/** Where the time goes. */
const ALLOW: Readonly<Record<string, HalfOperation['inputs']>> = {
  BatchMatMul: 'all',
  BatchMatMulV2: 'all',
  Conv2D: 'all',
  Conv2DBackpropInput: [1, 2],
  Conv3D: 'all',
  DepthwiseConv2dNative: 'all',
  Einsum: 'all',
  MatMul: 'all',
};

/** Arithmetic that loses a rounding and no more. */
const INFER: Readonly<Record<string, HalfOperation['inputs']>> = {
  Add: 'all',
  AddN: 'all',
  AddV2: 'all',
  AvgPool: 'all',
  BiasAdd: 'all',
  Elu: 'all',
  LeakyRelu: 'all',
  Mul: 'all',
  RealDiv: 'all',
  Selu: 'all',
  Sigmoid: 'all',
  Softplus: 'all',
  Sub: 'all',
  Tanh: 'all',
};

/** What only moves or selects values: exact in any type. */
const CLEAR: Readonly<Record<string, HalfOperation['inputs']>> = {
  Abs: 'all',
  BatchToSpaceND: [0],
  ConcatV2: 'all but the last',
  DepthToSpace: 'all',
  ExpandDims: [0],
  Identity: 'all',
  Max: [0],
  MaxPool: 'all',
  Maximum: 'all',
  Min: [0],
  Minimum: 'all',
  MirrorPad: [0],
  Neg: 'all',
  Pack: 'all',
  Pad: [0],
  PadV2: [0, 2],
  Relu: 'all',
  Relu6: 'all',
  Reshape: [0],
  ResizeNearestNeighbor: [0],
  ReverseV2: [0],
  SelectV2: [1, 2],
  Slice: [0],
  SpaceToBatchND: [0],
  SpaceToDepth: 'all',
  Split: [1],
  SplitV: [0],
  Squeeze: 'all',
  StridedSlice: [0],
  Tile: [0],
  Transpose: [0],
  Unpack: 'all',
};

const OPERATIONS: ReadonlyMap<string, HalfOperation> = new Map<string, HalfOperation>([
  ...Object.entries(ALLOW).map(([op, inputs]) => [op, { kind: 'always', inputs }] as const),
  ...Object.entries({ ...INFER, ...CLEAR }).map(
    ([op, inputs]) => [op, { kind: 'between', inputs }] as const,
  ),
]);

/**
 * Everything else stays float32: Softmax, Exp, Log, Pow, Sum, Mean and the like, which 16 bits spoil,
 * and whatever is not known.
 */
export function halfOperation(op: string): HalfOperation | undefined {
  return OPERATIONS.get(op);
}

/** Places of the data inputs of a listed operation whose type is `T`; all its outputs are of that type. */
export function typedInputs(node: NodeDef): ReadonlySet<number> {
  const inputs = OPERATIONS.get(node.op)?.inputs ?? [];
  if (typeof inputs === 'object') return new Set(inputs);
  const count = node.input.filter((input) => !isControl(input)).length;
  return new Set(Array.from({ length: inputs === 'all' ? count : count - 1 }, (_, i) => i));
}
