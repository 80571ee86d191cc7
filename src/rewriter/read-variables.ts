import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import path from 'node:path';

import { create } from '@bufbuild/protobuf';

import { NotRewritableError } from './not-rewritable';
import type { UsedVariable } from './graph/flatten-model';
import { toTensorProto } from './graph/constants';
import { carriedType } from '../saved-model/signatures';
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
    if (carriedType(dtype) === undefined) {
      throw new NotRewritableError(`the variable ${node} has the type ${DataType[dtype]}`);
    }
    return [String(index), info(name, dtype)] as const;
  });
  meta.graphDef?.node.push(...added);
  meta.signatureDef[SIGNATURE] = create(SignatureDefSchema, {
    outputs: Object.fromEntries(outputs),
  });
}

const FOLDERS = ['variables', 'assets', 'assets.extra'];

/** Copies the files that a SavedModel has beside its graph. */
export async function copyWeights(from: string, to: string): Promise<void> {
  for (const folder of FOLDERS) {
    const source = path.resolve(from, folder);
    if (existsSync(source)) await cp(source, path.join(to, folder), { recursive: true });
  }
}

/** Puts the files that a SavedModel has beside its graph into another folder. */
export function linkWeights(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const folder of FOLDERS) {
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
