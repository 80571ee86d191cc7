import { NotRewritableError } from '../not-rewritable';
import { DataType, type NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { intAttr, numberOf, typeAttr, typeOf } from './attributes';
import { isControl } from './references';

/** Operations that make a variable. */
export const VARIABLE_OPS = new Set(['VarHandleOp', 'VariableV2', 'Variable']);

/** Operations that draw random numbers, where they are stateful. */
export const DRAWS_RANDOM = /Random|Multinomial|Normal|Uniform/;

/** What a node became when the variable it reads was replaced by its value. */
export interface Replaced {
  /** New name of the first output inside functions. */
  readonly output: string;
  /** A scalar constant the node now needs as its last input. */
  readonly axis: number | undefined;
}

/** Operations that may run although TensorFlow counts them as stateful: they change no answer. */
const HARMLESS_STATEFUL = new Set([
  'Assert',
  'Print',
  'PrintV2',
  'If',
  'While',
  'Case',
  'PartitionedCall',
  'StatefulPartitionedCall',
]);

/**
 * Turns a node that reads a variable into one that takes the value itself.
 * @param type of the value
 * @throws NotRewritableError for one that writes it or that is not understood
 */
export function readFromValue(node: NodeDef, type: DataType, variable: string): Replaced {
  const output = { output: 'output', axis: undefined };
  switch (node.op) {
    case 'ReadVariableOp':
      become(node, 'Identity', { T: typeAttr(type) });
      // It was where the variable was, which is nowhere in particular now.
      node.device = '';
      return output;
    case 'Identity':
      become(node, 'Identity', { T: typeAttr(type) });
      return output;
    case 'VariableShape':
      become(node, 'Shape', {
        T: typeAttr(type),
        out_type: typeAttr(typeOf(node.attr, 'out_type') ?? DataType.DT_INT32),
      });
      return output;
    case 'ResourceGather': {
      const batchDims = numberOf(node.attr, 'batch_dims') ?? 0;
      become(node, 'GatherV2', {
        Tparams: typeAttr(type),
        Tindices: typeAttr(typeOf(node.attr, 'Tindices') ?? DataType.DT_INT32),
        Taxis: typeAttr(DataType.DT_INT32),
        batch_dims: intAttr(batchDims),
      });
      return { output: 'output', axis: batchDims };
    }
    case 'ResourceGatherNd':
      become(node, 'GatherNd', {
        Tparams: typeAttr(type),
        Tindices: typeAttr(typeOf(node.attr, 'Tindices') ?? DataType.DT_INT32),
      });
      return output;
    default:
      if (/Assign|Apply|Scatter|Destroy/.test(node.op)) {
        throw new NotRewritableError(
          `the variable ${variable} is written at run time (${node.op} in ${node.name})`,
        );
      }
      throw new NotRewritableError(
        `the variable ${variable} is used by the operation ${node.op}, which is not understood`,
      );
  }
}

/** @throws NotRewritableError when the node keeps or draws something from run to run */
export function checkStateless(node: NodeDef, stateful: boolean): void {
  if (!stateful || HARMLESS_STATEFUL.has(node.op)) return;
  if (/Table/.test(node.op)) {
    throw new NotRewritableError(`it has a lookup table (${node.op} in ${node.name})`);
  }
  if (DRAWS_RANDOM.test(node.op)) {
    throw new NotRewritableError(
      `it draws random numbers (${node.op} in ${node.name}), so its answers cannot be compared`,
    );
  }
  throw new NotRewritableError(`it has a stateful operation (${node.op} in ${node.name})`);
}

function become(node: NodeDef, op: string, attr: NodeDef['attr']): void {
  node.op = op;
  node.attr = attr;
  node.input = [
    ...node.input.filter((input) => !isControl(input)),
    ...node.input.filter((input) => isControl(input)),
  ];
}
