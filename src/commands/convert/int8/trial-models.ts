import { rm } from 'node:fs/promises';
import path from 'node:path';

import type { ServableSpec } from '../../../models/servable-spec';
import { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { signatureNodes } from '../../../rewriter/graph/flatten-model';
import { mergeConstants } from '../../../rewriter/graph/merge-constants';
import {
  quantizeGraph,
  type QuantizationPlan,
  type QuantizationReport,
} from '../../../rewriter/quantize/quantize-graph';
import type { WeightCache } from '../../../rewriter/quantize/quantize-weights';
import type { Backend, LoadedModel } from '../../../runtime/backend';
import type { MetaGraphDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../../../saved-model/saved-model-file';
import { agreementMeter } from '../agreement';
import { DifferenceMeter } from '../difference-meter';
import type { Photo } from '../photos';
import { withNodes } from '../precision/with-nodes';
import { lossOf, type AccuracyLoss } from './accuracy-loss';

/** The graph of a model with some of its layers in 8 bits. */
export function quantizedGraph(
  meta: MetaGraphDef,
  plan: QuantizationPlan,
  weights?: WeightCache,
): { readonly converted: MetaGraphDef; readonly report: QuantizationReport } {
  const graph = new FlatGraph(meta.graphDef?.node ?? []);
  const kept = signatureNodes(meta.signatureDef);
  const report = quantizeGraph(graph, kept, plan, weights);
  // Signatures that compute the same share their weights again.
  mergeConstants(graph, kept);
  graph.prune(kept);
  return { converted: withNodes(meta, graph), report };
}

/** Tries plans out: each becomes a model that is run and thrown away. */
export class TrialModels {
  readonly #backend: Backend;
  readonly #folder: string;
  readonly #meta: MetaGraphDef;
  readonly #spec: ServableSpec;
  readonly #weights: WeightCache = new Map();
  #count = 0;

  constructor(backend: Backend, folder: string, meta: MetaGraphDef, spec: ServableSpec) {
    this.#backend = backend;
    this.#folder = folder;
    this.#meta = meta;
    this.#spec = spec;
  }

  /** @param act must not keep the model */
  async with<Result>(
    meta: MetaGraphDef,
    act: (model: LoadedModel) => Result | Promise<Result>,
  ): Promise<Result> {
    this.#count += 1;
    const directory = path.join(this.#folder, `trial-${this.#count}`);
    await writeSavedModel(directory, meta);
    try {
      const model = this.#backend.loadModel(directory);
      try {
        return await act(model);
      } finally {
        model.dispose();
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** How far the answers of a plan are from those of float32. */
  lossOf(plan: QuantizationPlan, expected: Expected): Promise<AccuracyLoss> {
    const { converted } = quantizedGraph(this.#meta, plan, this.#weights);
    return this.with(converted, (model) => this.#compare(model, expected));
  }

  #compare(model: LoadedModel, { photos, outputs }: Expected): AccuracyLoss {
    const { signatureName, output } = this.#spec;
    const difference = new DifferenceMeter();
    const agreement = agreementMeter(this.#spec);
    for (const [index, photo] of photos.entries()) {
      const expected = outputs[index];
      const [actual] = model.run(signatureName, photo.inputs, [output.name]);
      if (expected === undefined || actual === undefined) continue;
      difference.add(expected, actual);
      agreement?.add(photo, expected, actual);
    }
    return lossOf(agreement?.result(), difference.result(), photos.length);
  }
}

/** Photos and what the float32 graph answers. */
export interface Expected {
  readonly photos: readonly Photo[];
  readonly outputs: readonly (ReturnType<LoadedModel['run']>[number] | undefined)[];
}
