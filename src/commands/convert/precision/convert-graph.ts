import { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { signatureNodes } from '../../../rewriter/graph/flatten-model';
import type { MetaGraphDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { quantizeWeights, type Int8WeightsReport } from './int8-weights';
import { useHalfPrecision, type MixedPrecisionReport } from './mixed-precision';
import type { HalfPrecision, SimplePrecision } from './precision';
import { withNodes } from './with-nodes';

/** What a conversion changed. */
export type ConversionReport =
  | ({ readonly precision: HalfPrecision } & MixedPrecisionReport)
  | ({ readonly precision: 'int8-weights' } & Int8WeightsReport);

/**
 * The graph in a reduced precision. Bodies of loops and branches stay as they are.
 * @param meta a frozen graph, left unchanged
 * @throws NotRewritableError when there is nothing to convert
 */
export function convertGraph(
  meta: MetaGraphDef,
  precision: SimplePrecision,
): { readonly converted: MetaGraphDef; readonly report: ConversionReport } {
  const { graphDef, signatureDef } = meta;
  const graph = new FlatGraph(graphDef?.node ?? []);
  const kept = signatureNodes(signatureDef);
  const report: ConversionReport =
    precision === 'int8-weights'
      ? { precision, ...quantizeWeights(graph, kept) }
      : {
          precision,
          ...useHalfPrecision(graph, kept, precision),
        };
  graph.prune(kept);
  return { report, converted: withNodes(meta, graph) };
}
