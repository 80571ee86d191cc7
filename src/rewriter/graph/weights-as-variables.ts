import { create } from '@bufbuild/protobuf';

import type { NamedTensor } from '../../saved-model/checkpoint/write-checkpoint';
import {
  DataType,
  GraphDefSchema,
  SaverDefSchema,
  SaverDef_CheckpointFormatVersion,
  type MetaGraphDef,
  type NodeDef,
  type TensorProto,
} from '../../saved-model/protobuf/tensorflow_pb';
import {
  shapeAttr,
  tensorAttr,
  tensorOf,
  textAttr,
  typeAttr,
  typeListAttr,
  type Attributes,
} from './attributes';
import { toTensorProto } from './constants';
import { nodeDef } from './node-def';
import { joinByteStrings } from '../../kernel/byte-strings';

/** Smaller constants stay: they weigh nothing, and TensorFlow prepares constants in advance. */
const LEAST_BYTES = 64 * 1024;

const MOVED_TYPES = new Set([
  DataType.DT_FLOAT,
  DataType.DT_HALF,
  DataType.DT_BFLOAT16,
  DataType.DT_DOUBLE,
]);

const PREFIX = 'tfjs_serving/weights/';
const FILE = `${PREFIX}file`;
const RESTORE = `${PREFIX}restore`;
const RESTORE_ALL = `${PREFIX}restore_all`;

/** Bytes of the constants that can be moved. */
export function movableBytes({ graphDef }: MetaGraphDef): number {
  const nodes = graphDef?.node ?? [];
  // Made of a model that was made here: its constants may have the names that are needed.
  if (nodes.some(({ name }) => name.startsWith(PREFIX))) return 0;
  return nodes.reduce((sum, node) => sum + (weightOf(node)?.tensorContent.length ?? 0), 0);
}

/**
 * Puts variables that are restored when the model is loaded in the places of large constants. Of
 * constants TensorFlow keeps a copy in every form of a graph that it makes, for each set of inputs and
 * outputs that is run; of variables one.
 * @param meta a graph of which `movableBytes` are more than none
 * @returns the graph, which shares its other nodes with the given one, and what to write as its checkpoint
 */
export function weightsAsVariables(meta: MetaGraphDef): {
  readonly meta: MetaGraphDef;
  readonly weights: readonly NamedTensor[];
} {
  const weights: NamedTensor[] = [];
  const added: NodeDef[] = [];
  const { graphDef = create(GraphDefSchema) } = meta;
  const nodes = graphDef.node.map((node) => {
    const value = weightOf(node);
    if (value === undefined) return node;
    const name = `${PREFIX}${String(weights.length)}`;
    const dtype = typeAttr(value.dtype);
    added.push(
      nodeDef(`${name}/variable`, 'VarHandleOp', [], {
        dtype,
        shape: shapeAttr(value.tensorShape?.dim.map(({ size }) => Number(size))),
        shared_name: textAttr(name),
        container: textAttr(''),
      }),
      nodeDef(
        `${name}/assign`,
        'AssignVariableOp',
        [`${name}/variable`, `${RESTORE}:${String(weights.length)}`],
        { dtype },
      ),
    );
    weights.push({ name, value });
    // Under the constant's name, which others refer to.
    return nodeDef(node.name, 'ReadVariableOp', [`${name}/variable`, ...node.input], { dtype });
  });
  added.push(...restoreNodes(weights));
  return {
    meta: {
      ...meta,
      graphDef: { ...graphDef, node: [...nodes, ...added] },
      saverDef: create(SaverDefSchema, {
        filenameTensorName: `${FILE}:0`,
        restoreOpName: RESTORE_ALL,
        version: SaverDef_CheckpointFormatVersion.V2,
      }),
    },
    weights,
  };
}

/** What TensorFlow runs when it loads a SavedModel, with the path of the checkpoint for `FILE`. */
function restoreNodes(weights: readonly NamedTensor[]): NodeDef[] {
  const names = `${PREFIX}names`;
  const slices = `${PREFIX}slices`;
  const strings = (values: readonly string[]): Attributes => {
    const data = joinByteStrings(values.map((value) => Buffer.from(value)));
    const tensor = { name: '', dtype: 'string', shape: [data.length], data } as const;
    return {
      dtype: typeAttr(DataType.DT_STRING),
      value: tensorAttr(toTensorProto(tensor, DataType.DT_STRING)),
    };
  };
  return [
    nodeDef(FILE, 'Placeholder', [], { dtype: typeAttr(DataType.DT_STRING) }),
    nodeDef(names, 'Const', [], strings(weights.map(({ name }) => name))),
    // Empty: whole tensors.
    nodeDef(slices, 'Const', [], strings(weights.map(() => ''))),
    nodeDef(RESTORE, 'RestoreV2', [FILE, names, slices], {
      dtypes: typeListAttr(weights.map(({ value }) => value.dtype)),
    }),
    nodeDef(
      RESTORE_ALL,
      'NoOp',
      weights.map(({ name }) => `^${name}/assign`),
      {},
    ),
  ];
}

function weightOf({ op, attr }: NodeDef): TensorProto | undefined {
  const value = op === 'Const' ? tensorOf(attr, 'value') : undefined;
  return value !== undefined &&
    MOVED_TYPES.has(value.dtype) &&
    value.tensorContent.length >= LEAST_BYTES
    ? value
    : undefined;
}
