import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import { NotRewritableError } from '../../../rewriter/not-rewritable';
import { FlatGraph } from '../../../rewriter/graph/flat-graph';
import { signatureNodes } from '../../../rewriter/graph/flatten-model';
import { nodeOf } from '../../../rewriter/graph/references';
import { absorbFakeQuantization } from '../../../rewriter/quantize/fake-quantization';
import { findLayers, type Layer } from '../../../rewriter/quantize/find-layers';
import {
  layerGraph,
  measuredTensors,
  spreadOverTwins,
} from '../../../rewriter/quantize/layer-graph';
import type { QuantizationPlan } from '../../../rewriter/quantize/quantize-graph';
import type { RangeMethod } from '../../../rewriter/quantize/choose-range';
import { structuralKeys } from '../../../rewriter/quantize/structural-keys';
import type { Backend } from '../../../runtime/backend';
import { constantBytes } from '../../../saved-model/constant-bytes';
import type { MetaGraphDef } from '../../../saved-model/protobuf/tensorflow_pb';
import { writeSavedModel } from '../../../saved-model/saved-model-file';
import { batchOf } from '../examples';
import { measureSpeed } from '../measure-speed';
import type { Photo } from '../photos';
import { freezeFloat32, type WeightBytes } from '../precision/convert-model';
import { withNodes } from '../precision/with-nodes';
import type { Subject } from '../subject';
import { defaultBudget, type AccuracyLoss } from './accuracy-loss';
import { agreementMeter } from '../agreement';
import { calibrate } from './calibrate';
import { chooseLayers } from './choose-layers';
import { IslandTimer } from './layer-speed';
import { withProbe } from './probe-model';
import { quantizedGraph, TrialModels, type Expected } from './trial-models';

/** Why a layer computes in float32. */
export type FloatReason = 'first' | 'last' | 'slower' | 'accuracy' | 'no kernel';

export interface Int8Report {
  readonly precision: 'int8';
  /** Layers of the served signature that compute in 8 bits. */
  readonly quantized: readonly string[];
  /** Those that compute in float32, and why. */
  readonly float32: readonly {
    readonly layer: string;
    readonly reason: FloatReason;
    /** `slower`: speed in 8 bits against float32; `accuracy`: difference of the output by it alone. */
    readonly measured?: number;
    readonly detail?: string;
  }[];
  /** How ranges were chosen, and what each way would have lost. */
  readonly ranges: {
    readonly method: RangeMethod;
    readonly losses: Readonly<Record<RangeMethod, number>>;
    /** Ranges that the model brought itself, from training aware of quantisation. */
    readonly ofModel: number;
  };
  readonly accuracy: {
    readonly budget: number;
    /** On the photos that ranges were calibrated on. */
    readonly loss: number;
    readonly photos: number;
  };
  readonly weightBytes: WeightBytes;
}

export interface Int8Options {
  readonly folders: { readonly float32: string; readonly converted: string };
  /** As the server would run them; ranges and layers are chosen on them. */
  readonly photos: readonly Photo[];
  /** @default what accuracy-loss.ts says of the task */
  readonly maxLoss: number | undefined;
  readonly rounds: number;
  readonly abort: AbortSignal;
}

/** A layer that gains less than this is not worth rounding. */
const LEAST_GAIN = 1.05;

/**
 * Freezes a SavedModel and lets its convolutions and matrix products compute in 8 bits, as far as each is
 * faster so and the answers stay within a budget.
 * @throws NotRewritableError with what stands in the way
 */
export async function convertInt8(
  { spec, directory }: Subject,
  backend: Backend,
  { folders, photos, maxLoss, rounds, abort }: Int8Options,
): Promise<Int8Report> {
  const frozen = await freezeFloat32(directory, folders.float32, () => backend);
  const { meta, ranges: ofModel } = withoutFakeQuantization(frozen);
  const graph = new FlatGraph(meta.graphDef?.node ?? []);
  const kept = signatureNodes(meta.signatureDef);
  const roots = outputsOf(meta, spec.signatureName);
  const every = findLayers(graph, kept);
  const structure = layerGraph(graph, every);
  const layers = structure.needed(roots);
  if (layers.length === 0) {
    throw new NotRewritableError(
      `signature "${spec.signatureName}" has no convolution or matrix product with constant weights in float32`,
    );
  }
  const scratch = await mkdtemp(path.join(path.dirname(folders.float32), 'int8-'));
  try {
    const trials = new TrialModels(backend, scratch, meta, spec);
    const tensors = measuredTensors(graph, every, layers);
    const { calibration, outputs } = await trials.with(
      withProbe(meta, spec.signatureName, tensors),
      (probe) => ({
        calibration: calibrate(probe, tensors, photos, () => {
          abort.throwIfAborted();
        }),
        outputs: photos.map(
          ({ inputs }) => probe.run(spec.signatureName, inputs, [spec.output.name])[0],
        ),
      }),
    );
    const keys = structuralKeys(graph);
    const expected: Expected = { photos, outputs };
    const lossOf = (plan: QuantizationPlan): Promise<AccuracyLoss> => {
      abort.throwIfAborted();
      return trials.lossOf(spreadOverTwins(graph, keys, plan), expected);
    };
    const budget = maxLoss ?? defaultBudget(agreementMeter(spec)?.result().kind);
    const names = layers.map(({ node }) => node.name);
    const inner = names.filter((name) => !structure.first.has(name) && !structure.last.has(name));
    const base = {
      means: calibration.means,
      shapes: calibration.shapes,
      fixedSizes: spec.image === undefined || spec.image.size.kind === 'fixed',
    };
    const start = new Set(inner.length > 0 ? inner : names);
    const chosen = await chooseLayers({ ...base, layers: start }, calibration, ofModel, budget, lossOf);

    const timer = new IslandTimer(meta, trials);
    const slower = new Map<string, number>();
    for (const island of structure.islands(chosen.plan.layers)) {
      const { layers: members, ratio } = await timer.time(island, chosen.plan, abort);
      if (ratio < LEAST_GAIN) for (const member of members) slower.set(member, ratio);
    }
    let plan: QuantizationPlan = {
      ...chosen.plan,
      layers: new Set([...chosen.plan.layers].filter((name) => !slower.has(name))),
    };
    let loss = slower.size === 0 ? chosen.loss : await lossOf(plan);
    const rows = photos.slice(0, ROWS_TIMED).map(({ inputs }) => inputs);
    const batch = batchOf(spec, rows, spec.batchable ? ROWS_TIMED : 1);
    for (const edge of [structure.first, structure.last]) {
      const added = names.filter((name) => edge.has(name) && !plan.layers.has(name));
      if (added.length === 0 || inner.length === 0) continue;
      const wider = { ...plan, layers: new Set([...plan.layers, ...added]) };
      const widerLoss = await lossOf(wider);
      if (widerLoss.loss > Math.max(budget, loss.loss)) continue;
      const [before, after] = [plan, wider].map(
        (one) => quantizedGraph(meta, spreadOverTwins(graph, keys, one)).converted,
      );
      if (before === undefined || after === undefined) continue;
      const { ratio } = await trials.with(before, (a) =>
        trials.with(after, (b) =>
          measureSpeed(a, b, batch, {
            signature: spec.signatureName,
            outputs: [spec.output.name],
            rounds,
            abort,
          }),
        ),
      );
      if (ratio < EDGE_GAIN) continue;
      plan = wider;
      loss = widerLoss;
    }
    if (plan.layers.size === 0) {
      throw new NotRewritableError(
        slower.size > 0
          ? 'no layer is faster in 8 bits on this processor'
          : `no layer can be in 8 bits without losing more than ${budget} of accuracy`,
      );
    }
    const { converted, report } = quantizedGraph(meta, spreadOverTwins(graph, keys, plan));
    await writeSavedModel(folders.converted, converted);
    const quantized = report.quantized.filter((name) => names.includes(name));
    return {
      precision: 'int8',
      quantized,
      float32: names
        .filter((name) => !quantized.includes(name))
        .map((layer) => ({
          layer,
          ...reasonOf(layer, structure, slower, chosen.restored, report.left),
        })),
      ranges: {
        method: chosen.method,
        losses: Object.fromEntries(
          Object.entries(chosen.methods).map(([method, { loss: lost }]) => [method, lost]),
        ) as Record<RangeMethod, number>,
        ofModel: ofModel.size,
      },
      accuracy: { budget, loss: loss.loss, photos: photos.length },
      weightBytes: { float32: constantBytes(meta), converted: constantBytes(converted) },
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const ROWS_TIMED = 4;
/** What the first or last layers must gain of the whole network's time. */
const EDGE_GAIN = 1.01;

function withoutFakeQuantization(meta: MetaGraphDef): {
  readonly meta: MetaGraphDef;
  readonly ranges: ReturnType<typeof absorbFakeQuantization>;
} {
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

function reasonOf(
  layer: Layer['node']['name'],
  { first, last }: { readonly first: ReadonlySet<string>; readonly last: ReadonlySet<string> },
  slower: ReadonlyMap<string, number>,
  restored: ReadonlyMap<string, number>,
  left: ReadonlyMap<string, string>,
): Omit<Int8Report['float32'][number], 'layer'> {
  const detail = left.get(layer);
  if (detail !== undefined) return { reason: 'no kernel', detail };
  const ratio = slower.get(layer);
  if (ratio !== undefined) return { reason: 'slower', measured: ratio };
  const difference = restored.get(layer);
  if (difference !== undefined) return { reason: 'accuracy', measured: difference };
  return { reason: first.has(layer) || !last.has(layer) ? 'first' : 'last' };
}
