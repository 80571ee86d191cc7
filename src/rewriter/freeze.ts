import { create } from '@bufbuild/protobuf';

import { NotRewritableError } from './not-rewritable';
import { tensorAttr, typeAttr } from './graph/attributes';
import { signatureNodes, type FlatModel } from './graph/flatten-model';
import { bypassIdentities } from './graph/bypass-identities';
import { foldConstants } from './graph/fold-constants';
import { foldScales } from './graph/fold-scales';
import { mergeConstants } from './graph/merge-constants';
import {
  FunctionDefLibrarySchema,
  GraphDefSchema,
  MetaGraphDefSchema,
  MetaGraphDef_MetaInfoDefSchema,
  type MetaGraphDef,
  type TensorProto,
} from '../saved-model/protobuf/tensorflow_pb';

/**
 * Puts constants in the places of variables. Nothing is left to restore: the saver, the object graph
 * and initialisation are dropped.
 * @param values by the node of the variable
 */
export function freeze(
  meta: MetaGraphDef,
  flat: FlatModel,
  values: ReadonlyMap<string, TensorProto>,
): MetaGraphDef {
  for (const { node: name, dtype } of flat.variables) {
    const node = flat.graph.get(name);
    const value = values.get(name);
    if (value === undefined) throw new NotRewritableError(`the variable ${name} has no value`);
    node.op = 'Const';
    node.input = [];
    // Variables are pinned to a device; a constant belongs wherever it is used.
    node.device = '';
    node.attr = { dtype: typeAttr(dtype), value: tensorAttr(value) };
  }
  const roots = signatureNodes(flat.signatures);
  bypassIdentities(flat.graph, roots);
  foldConstants(flat.graph);
  foldScales(flat.graph, roots);
  mergeConstants(flat.graph, roots);
  flat.graph.prune(roots);
  const { metaInfoDef, graphDef } = meta;
  return create(MetaGraphDefSchema, {
    metaInfoDef: create(MetaGraphDef_MetaInfoDefSchema, {
      metaGraphVersion: metaInfoDef?.metaGraphVersion ?? '',
      tags: metaInfoDef?.tags ?? [],
      tensorflowVersion: metaInfoDef?.tensorflowVersion ?? '',
      tensorflowGitVersion: metaInfoDef?.tensorflowGitVersion ?? '',
      ...(metaInfoDef?.strippedOpList === undefined
        ? {}
        : { strippedOpList: metaInfoDef.strippedOpList }),
    }),
    graphDef: create(GraphDefSchema, {
      node: [...flat.graph.nodes()],
      ...(graphDef?.versions === undefined ? {} : { versions: graphDef.versions }),
      library: create(FunctionDefLibrarySchema, { function: [...flat.functions] }),
    }),
    signatureDef: { ...flat.signatures },
  });
}
