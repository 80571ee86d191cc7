import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';

import { create } from '@bufbuild/protobuf';

import { NotRewritableError } from './not-rewritable';
import type { UsedVariable } from './graph/flatten-model';
import { hasBytes, isCarried, toTensorProto } from './graph/constants';
import { typeAttr } from './graph/attributes';
import { nodeDef } from './graph/node-def';
import {
  DataType,
  SignatureDefSchema,
  TensorInfoSchema,
  type MetaGraphDef,
  type NodeDef,
  type TensorProto,
} from '../saved-model/protobuf/tensorflow_pb';
import type { LoadedModel } from '../runtime/backend';

/** Signature that answers the values of variables. */
const SIGNATURE = 'tfjs_serving_variables';

/**
 * Adds one more signature to a SavedModel's graph, whose outputs are the variables: the runtime
 * itself restores and reads them, whatever the format of the checkpoint.
 * @throws NotRewritableError for a variable of a type that cannot be read
 */
export function addVariablesSignature(
  meta: MetaGraphDef,
  variables: readonly UsedVariable[],
): void {
  const ops = new Map((meta.graphDef?.node ?? []).map((node) => [node.name, node.op]));
  const added: NodeDef[] = [];
  const outputs = variables.map(({ node, dtype }, index) => {
    const name = `tfjs_serving/variable_${index}`;
    added.push(
      ops.get(node) === 'VarHandleOp'
        ? nodeDef(name, 'ReadVariableOp', [node], { dtype: typeAttr(dtype) })
        : nodeDef(name, 'Identity', [node], { T: typeAttr(dtype) }),
    );
    if (isCarried(dtype)) return [String(index), info(name, dtype)] as const;
    if (!hasBytes(dtype)) {
      throw new NotRewritableError(`the variable ${node} has the type ${DataType[dtype]}`);
    }
    const bytes = `${name}/bytes`;
    added.push(
      nodeDef(bytes, 'Bitcast', [name], { T: typeAttr(dtype), type: typeAttr(DataType.DT_UINT8) }),
    );
    return [String(index), info(bytes, DataType.DT_UINT8)] as const;
  });
  meta.graphDef?.node.push(...added);
  meta.signatureDef[SIGNATURE] = create(SignatureDefSchema, {
    outputs: Object.fromEntries(outputs),
  });
}

/** Puts the files that a SavedModel has beside its graph into another folder. */
export function linkWeights(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const folder of ['variables', 'assets', 'assets.extra']) {
    const source = path.resolve(from, folder);
    if (!existsSync(source)) continue;
    try {
      symlinkSync(source, path.join(to, folder));
    } catch {
      // File systems without links.
      cpSync(source, path.join(to, folder), { recursive: true });
    }
  }
}

/**
 * Reads variables through a model that was loaded with `addVariablesSignature`.
 * @returns values by node
 */
export function readVariables(
  model: LoadedModel,
  variables: readonly UsedVariable[],
): Map<string, TensorProto> {
  const values = model.run(
    SIGNATURE,
    [],
    variables.map((_, index) => String(index)),
  );
  return new Map(
    variables.map(({ node, dtype }, index) => {
      const value = values[index];
      if (value === undefined) throw new Error(`no value of ${node}`);
      return [node, toTensorProto(value, dtype)];
    }),
  );
}

function info(
  node: string,
  dtype: DataType,
): MetaGraphDef['signatureDef'][string]['outputs'][string] {
  return create(TensorInfoSchema, {
    encoding: { case: 'name', value: `${node}:0` },
    dtype,
    tensorShape: { unknownRank: true },
  });
}
