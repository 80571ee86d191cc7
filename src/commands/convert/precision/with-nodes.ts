import { clone, create } from '@bufbuild/protobuf';

import type { FlatGraph } from '../../../rewriter/graph/flat-graph';
import {
  GraphDefSchema,
  MetaGraphDefSchema,
  MetaGraphDef_MetaInfoDefSchema,
  type MetaGraphDef,
} from '../../../saved-model/protobuf/tensorflow_pb';

/** A frozen graph with other nodes, for the same signatures. @param meta left unchanged */
export function withNodes(meta: MetaGraphDef, graph: FlatGraph): MetaGraphDef {
  const { graphDef, metaInfoDef, signatureDef } = meta;
  for (const node of graph.nodes()) {
    // Its place is beside a node that may be gone; a frozen graph needs none.
    delete node.attr._class;
  }
  const info = clone(
    MetaGraphDef_MetaInfoDefSchema,
    metaInfoDef ?? create(MetaGraphDef_MetaInfoDefSchema),
  );
  // It lists the operations of the graph as it was; TensorFlow knows those that are new.
  delete info.strippedOpList;
  return create(MetaGraphDefSchema, {
    metaInfoDef: info,
    graphDef: create(GraphDefSchema, {
      node: [...graph.nodes()],
      ...(graphDef?.versions === undefined ? {} : { versions: graphDef.versions }),
      ...(graphDef?.library === undefined ? {} : { library: graphDef.library }),
    }),
    signatureDef,
  });
}
