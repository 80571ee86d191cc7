import { create } from '@bufbuild/protobuf';

import type { FlatGraph } from '../../rewriter/graph/flat-graph';
import {
  GraphDefSchema,
  MetaGraphDefSchema,
  MetaGraphDef_MetaInfoDefSchema,
  VersionDefSchema,
  type MetaGraphDef,
  type SignatureDef,
} from '../../saved-model/protobuf/tensorflow_pb';

/** GraphDef version of TensorFlow 2.16: its operations mean what they mean today. */
const PRODUCER = 1882;

/**
 * A graph with one signature, `serving_default`, tagged `serve`.
 * @param producer version of the GraphDef that the graph was written in. @default today's
 */
export function servedMetaGraph(
  graph: FlatGraph,
  signature: SignatureDef,
  producer = 0,
): MetaGraphDef {
  return create(MetaGraphDefSchema, {
    metaInfoDef: create(MetaGraphDef_MetaInfoDefSchema, { tags: ['serve'] }),
    graphDef: create(GraphDefSchema, {
      node: [...graph.nodes()],
      versions: create(VersionDefSchema, { producer: producer === 0 ? PRODUCER : producer }),
    }),
    signatureDef: { serving_default: signature },
  });
}
