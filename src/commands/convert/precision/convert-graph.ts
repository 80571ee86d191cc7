import { clone, create } from '@bufbuild/protobuf';

import { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { signatureNodes } from '../../../rewriter/graph/flatten-model';
import {
  GraphDefSchema,
  MetaGraphDefSchema,
  MetaGraphDef_MetaInfoDefSchema,
  type MetaGraphDef,
} from '../../../saved-model/protobuf/tensorflow_pb';
import { quantizeWeights, type Int8Report } from './int8-weights';
import { useHalfPrecision, type MixedPrecisionReport } from './mixed-precision';
import type { HalfPrecision, Precision } from './precision';

/** What a conversion changed. */
export type ConversionReport =
  | ({ readonly precision: HalfPrecision } & MixedPrecisionReport)
  | ({ readonly precision: 'int8' } & Int8Report);

/**
 * The graph in a reduced precision. Bodies of loops and branches stay as they are.
 * @param meta a frozen graph, left unchanged
 * @throws NotRewritableError when there is nothing to convert
 */
export function convertGraph(
  meta: MetaGraphDef,
  precision: Precision,
): { readonly converted: MetaGraphDef; readonly report: ConversionReport } {
  const { graphDef, metaInfoDef, signatureDef } = meta;
  const graph = new FlatGraph(graphDef?.node ?? []);
  const kept = signatureNodes(signatureDef);
  const report: ConversionReport =
    precision === 'int8'
      ? { precision, ...quantizeWeights(graph, kept) }
      : {
          precision,
          ...useHalfPrecision(graph, kept, precision),
        };
  graph.prune(kept);
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
  return {
    report,
    converted: create(MetaGraphDefSchema, {
      metaInfoDef: info,
      graphDef: create(GraphDefSchema, {
        node: [...graph.nodes()],
        ...(graphDef?.versions === undefined ? {} : { versions: graphDef.versions }),
        ...(graphDef?.library === undefined ? {} : { library: graphDef.library }),
      }),
      signatureDef,
    }),
  };
}
