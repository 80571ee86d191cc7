/**
 * Which operations run in 16 bits. The division into four kinds is that of TensorFlow's automatic
 * mixed precision (tensorflow/core/grappler/optimizers/auto_mixed_precision_lists.h); the lists are
 * this project's own, of operations that TensorFlow 2.21 has kernels for in both types on the CPU.
 */

/** Where the time goes, and sums are kept in 32 bits inside the kernels: always 16 bits. */
const ALLOW = [
  'BatchMatMul',
  'BatchMatMulV2',
  'Conv2D',
  'Conv2DBackpropInput',
  'Conv3D',
  'DepthwiseConv2dNative',
  'Einsum',
  'MatMul',
];

/** Arithmetic that loses a rounding and no more: 16 bits between operations that are. */
const INFER = [
  'Add',
  'AddN',
  'AddV2',
  'AvgPool',
  'BiasAdd',
  'Elu',
  'FusedBatchNormV3',
  'LeakyRelu',
  'Mul',
  'RealDiv',
  'Selu',
  'Sigmoid',
  'Softplus',
  'Sub',
  'Tanh',
];

/** What only moves or selects values: exact in any type. */
const CLEAR = [
  'Abs',
  'BatchToSpaceND',
  'ConcatV2',
  'DepthToSpace',
  'ExpandDims',
  'Identity',
  'Max',
  'MaxPool',
  'Maximum',
  'Min',
  'Minimum',
  'MirrorPad',
  'Neg',
  'Pack',
  'Pad',
  'PadV2',
  'Relu',
  'Relu6',
  'Reshape',
  'ResizeNearestNeighbor',
  'ReverseV2',
  'SelectV2',
  'Slice',
  'SpaceToBatchND',
  'SpaceToDepth',
  'Split',
  'SplitV',
  'Squeeze',
  'StridedSlice',
  'Tile',
  'Transpose',
  'Unpack',
];

/**
 * Everything else stays float32: Softmax, Exp, Log, Pow, Sum, Mean and the like, which 16 bits spoil,
 * and whatever is not known.
 */
export function halfOperation(op: string): 'always' | 'between' | undefined {
  return KINDS.get(op);
}

const KINDS: ReadonlyMap<string, 'always' | 'between'> = new Map([
  ...ALLOW.map((op) => [op, 'always'] as const),
  ...[...INFER, ...CLEAR].map((op) => [op, 'between'] as const),
]);
