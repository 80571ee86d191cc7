import { DataType, type NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { textOf, typeAttr } from '../graph/attributes';
import type { FlatGraph } from '../graph/flat-graph';
import { constantBehind, floatConstant, intConstant } from '../graph/float-constants';
import { formatFlat, isControl, parseFlat } from '../graph/references';
import { reachOf, type ByteTensor } from './byte-tensors';
import type { Layer } from './find-layers';
import type { GraphWriter } from './graph-writer';

/** Places of the inputs that are data; all others are sizes and the like. */
type DataInputs = 'all but the last' | readonly number[];

/** Operations that only move or select values, and so do the same to bytes of one quantisation. */
const CARRIED: Readonly<Record<string, DataInputs>> = {
  ConcatV2: 'all but the last',
  DepthToSpace: [0],
  ExpandDims: [0],
  Identity: [0],
  MaxPool: [0],
  Pad: [0],
  Relu: [0],
  Reshape: [0],
  ResizeNearestNeighbor: [0],
  Slice: [0],
  SpaceToDepth: [0],
  Squeeze: [0],
  StridedSlice: [0],
  Transpose: [0],
};
const UINT8 = DataType.DT_UINT8;
const QUINT8 = DataType.DT_QUINT8;

/**
 * Nodes that only move values, with the tensors that they move: these have one quantisation with what
 * comes out. What kernels do themselves, such as the ReLU of a layer, is not among them.
 */
export type CarriedTensors = ReadonlyMap<string, readonly string[]>;

export function carriedTensors(graph: FlatGraph, layers: readonly Layer[]): CarriedTensors {
  const inLayers = new Set(layers.flatMap(({ chain }) => chain));
  return new Map(
    [...graph.nodes()].flatMap((node) => {
      const inputs = inLayers.has(node.name) ? undefined : carriedInputs(graph, node);
      return inputs === undefined ? [] : [[node.name, inputs] as const];
    }),
  );
}

function carriedInputs(graph: FlatGraph, node: NodeDef): readonly string[] | undefined {
  const places = CARRIED[node.op];
  if (places === undefined || node.input.some(isControl)) return undefined;
  if (!isFor8Bits(graph, node)) return undefined;
  const inputs =
    places === 'all but the last'
      ? node.input.slice(0, -1)
      : places.map((place) => node.input[place] ?? '');
  const fixed = inputs.some((input) => constantBehind(graph, input) !== undefined);
  return fixed ? undefined : inputs.map((input) => formatFlat(parseFlat(input)));
}

function isFor8Bits(graph: FlatGraph, { op, attr, input }: NodeDef): boolean {
  const format = textOf(attr, 'data_format') ?? 'NHWC';
  if (format !== 'NHWC') return false;
  if (op === 'MaxPool') return ['SAME', 'VALID'].includes(textOf(attr, 'padding') ?? '');
  if (op === 'Pad') return intConstant(graph, input[1] ?? '') !== undefined;
  return op !== 'PadV2' || floatConstant(graph, input[2] ?? '') !== undefined;
}

/**
 * The same operation on bytes.
 * @param bytes what its data inputs are in 8 bits, all of one quantisation
 */
export function carry(
  writer: GraphWriter,
  node: NodeDef,
  bytes: readonly ByteTensor[],
): ByteTensor {
  const [first] = bytes;
  if (first === undefined) throw new Error(`${node.name} carries nothing`);
  const name = `${node.name}/int8`;
  const { scale, zeroPoint } = first;
  if (node.op === 'MaxPool') {
    const { ksize, strides, padding } = node.attr;
    const pooled = writer.add(
      name,
      'QuantizedMaxPool',
      [first.name, writer.float(0), writer.float(reachOf(first))],
      {
        T: typeAttr(QUINT8),
        ...(ksize === undefined ? {} : { ksize }),
        ...(strides === undefined ? {} : { strides }),
        ...(padding === undefined ? {} : { padding }),
      },
    );
    return { name: pooled, scale, zeroPoint };
  }
  if (node.op === 'Relu') return atLeastZero(writer, first);
  const plain = bytes.map((tensor) => writer.bitcast(tensor.name, QUINT8, UINT8));
  const moved =
    node.op === 'Pad'
      ? writer.add(name, 'PadV2', [...plain, node.input[1] ?? '', writer.byte(zeroPoint)], {
          ...node.attr,
          T: typeAttr(UINT8),
        })
      : writer.add(name, node.op, [...plain, ...node.input.slice(plain.length)], {
          ...node.attr,
          T: typeAttr(UINT8),
        });
  return { name: writer.bitcast(moved, UINT8, QUINT8), scale, zeroPoint };
}

/** ReLU of bytes. Where zero is the smallest byte there is nothing to do. */
export function atLeastZero(writer: GraphWriter, bytes: ByteTensor): ByteTensor {
  return bytes.zeroPoint === 0 ? bytes : compared(writer, bytes, 'Maximum', bytes.zeroPoint);
}

/** Clips bytes to a largest value. */
export function atMost(writer: GraphWriter, bytes: ByteTensor, value: number): ByteTensor {
  const byte = Math.round(value / bytes.scale) + bytes.zeroPoint;
  return byte >= 255 ? bytes : compared(writer, bytes, 'Minimum', byte);
}

/** The same bytes in memory of their own, for an operation that overwrites them. */
export function copyOf(writer: GraphWriter, bytes: ByteTensor): ByteTensor {
  return compared(writer, bytes, 'Maximum', 0);
}

function compared(
  writer: GraphWriter,
  { name, scale, zeroPoint }: ByteTensor,
  op: 'Maximum' | 'Minimum',
  byte: number,
): ByteTensor {
  const plain = writer.bitcast(name, QUINT8, UINT8);
  const result = writer.add(
    `${name.replace(/:\d+$/, '')}/${op.toLowerCase()}`,
    op,
    [plain, writer.byte(byte)],
    {
      T: typeAttr(UINT8),
    },
  );
  return { name: writer.bitcast(result, UINT8, QUINT8), scale, zeroPoint };
}
