import { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { signatureNodes } from '../../../rewriter/graph/flatten-model';
import { nodeOf } from '../../../rewriter/graph/references';
import { NotRewritableError } from '../../../rewriter/not-rewritable';
import { absorbFakeQuantization } from '../../../rewriter/quantize/fake-quantization';
import { findLayers, type Layer } from '../../../rewriter/quantize/find-layers';
import {
  layerGraph,
  measuredTensors,
  spreadOverTwins,
  type LayerGraph,
} from '../../../rewriter/quantize/layer-graph';
import type { Range } from '../../../rewriter/quantize/quantization';
import type { QuantizationPlan } from '../../../rewriter/quantize/quantize-graph';
import { structuralKeys } from '../../../rewriter/quantize/structural-keys';
import type { MetaGraphDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { withNodes } from '../precision/with-nodes';

/** A frozen float32 graph, seen as the layers of one signature. */
export interface Network {
  readonly meta: MetaGraphDef;
  /** Ranges that it brings itself. */
  readonly ranges: ReadonlyMap<string, Range>;
  readonly layers: readonly Layer[];
  /** Names of their nodes. */
  readonly names: readonly string[];
  readonly structure: LayerGraph;
  /** Tensors that a plan needs to know of. */
  readonly tensors: readonly string[];
  /** A plan for this signature, for the others as well. */
  readonly spread: (plan: QuantizationPlan) => QuantizationPlan;
}

/** @throws NotRewritableError when the signature has no layer that could be in 8 bits */
export function networkOf(frozen: MetaGraphDef, signature: string): Network {
  const { meta, ranges } = withoutFakeQuantization(frozen);
  const graph = new FlatGraph(meta.graphDef?.node ?? []);
  const every = findLayers(graph, signatureNodes(meta.signatureDef));
  const structure = layerGraph(graph, every);
  const layers = structure.needed(outputsOf(meta, signature));
  if (layers.length === 0) {
    throw new NotRewritableError(
      `signature "${signature}" has no convolution or matrix product with constant weights in float32`,
    );
  }
  const keys = structuralKeys(graph);
  return {
    meta,
    ranges,
    layers,
    names: layers.map(({ node }) => node.name),
    structure,
    tensors: measuredTensors(graph, every, layers),
    spread: (plan) => spreadOverTwins(graph, keys, plan),
  };
}

function withoutFakeQuantization(meta: MetaGraphDef): Pick<Network, 'meta' | 'ranges'> {
  const graph = new FlatGraph(meta.graphDef?.node ?? []);
  const kept = signatureNodes(meta.signatureDef);
  const ranges = absorbFakeQuantization(graph, kept);
  graph.prune(kept);
  return { meta: ranges.size === 0 ? meta : withNodes(meta, graph), ranges };
}

function outputsOf({ signatureDef }: MetaGraphDef, signature: string): readonly string[] {
  return Object.values(signatureDef[signature]?.outputs ?? {}).flatMap(({ encoding }) =>
    encoding.case === 'name' ? [nodeOf(encoding.value)] : [],
  );
}
