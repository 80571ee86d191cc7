import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import { NotRewritableError } from '../../../rewriter/not-rewritable';
import type { QuantizationPlan } from '../../../rewriter/quantize/quantize-graph';
import type { Backend } from '../../../runtime/backend';
import { constantBytes } from '../../../saved-model/constant-bytes';
import { writeSavedModel } from '../../../saved-model/saved-model-file';
import { agreementMeter } from '../agreement';
import type { Photo } from '../photos';
import { freezeFloat32 } from '../precision/convert-model';
import type { Subject } from '../subject';
import { defaultBudget, type AccuracyLoss } from './accuracy-loss';
import { calibrate, type Calibration } from './calibrate';
import { chooseLayers, type Choice } from './choose-layers';
import { slowLayers, withEdges } from './choose-speed';
import type { FloatLayer, Int8Report } from './int8-report';
import { networkOf, type Network } from './network';
import { withProbe } from './probe-model';
import { quantizedGraph, TrialModels, type Expected } from './trial-models';

export interface Int8Options {
  readonly folders: { readonly float32: string; readonly converted: string };
  /** As the server would run them; ranges and layers are chosen on them. */
  readonly photos: readonly Photo[];
  /** @default what accuracy-loss.ts says of the task */
  readonly maxLoss: number | undefined;
  readonly rounds: number;
  readonly abort: AbortSignal;
}

/**
 * Freezes a SavedModel and lets its convolutions and matrix products compute in 8 bits, as far as each is
 * faster so and the answers stay within a budget.
 * @throws NotRewritableError with what stands in the way
 */
export async function convertInt8(
  subject: Subject,
  backend: Backend,
  options: Int8Options,
): Promise<Int8Report> {
  const { spec, directory } = subject;
  const { folders, photos, maxLoss } = options;
  const frozen = await freezeFloat32(directory, folders.float32, () => backend);
  const network = networkOf(frozen, spec.signatureName);
  const scratch = await mkdtemp(path.join(path.dirname(folders.float32), 'int8-'));
  try {
    const trials = new TrialModels(backend, scratch, network.meta, spec);
    const { calibration, expected } = await observe(network, trials, subject, options);
    const budget = maxLoss ?? defaultBudget(agreementMeter(spec)?.result().kind);
    const lossOf = (plan: QuantizationPlan): Promise<AccuracyLoss> => {
      options.abort.throwIfAborted();
      return trials.lossOf(network.spread(plan), expected);
    };
    const base = {
      layers: innerLayers(network),
      means: calibration.means,
      shapes: calibration.shapes,
      fixedSizes: spec.image === undefined || spec.image.size.kind === 'fixed',
    };
    const choice = await chooseLayers(base, calibration, network.ranges, budget, lossOf);
    const slow = await slowLayers(network, choice.plan, { ...options, trials });
    const layers = new Set([...choice.plan.layers].filter((name) => !slow.has(name)));
    const fast = { ...choice.plan, layers };
    const planned = await withEdges(
      network,
      { plan: fast, loss: slow.size === 0 ? choice.loss : await lossOf(fast) },
      budget,
      lossOf,
      { ...options, trials, spec },
    );
    if (planned.plan.layers.size === 0) {
      throw new NotRewritableError('no layer is faster in 8 bits on this processor');
    }
    const { converted, report } = quantizedGraph(network.meta, network.spread(planned.plan));
    await writeSavedModel(folders.converted, converted);
    const quantized = report.quantized.filter((name) => network.names.includes(name));
    return {
      precision: 'int8',
      quantized,
      float32: floatLayers(network, new Set(quantized), { slow, choice, left: report.left }),
      ranges: {
        method: choice.method,
        losses: lossesOf(choice),
        ofModel: network.ranges.size,
      },
      accuracy: { budget, loss: planned.loss.loss, photos: photos.length },
      weightBytes: { float32: constantBytes(network.meta), converted: constantBytes(converted) },
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Runs the float32 network on the photos: what is inside it, and what it answers. */
function observe(
  { meta, tensors }: Network,
  trials: TrialModels,
  { spec: { signatureName, output } }: Subject,
  { photos, abort }: Int8Options,
): Promise<{ readonly calibration: Calibration; readonly expected: Expected }> {
  return trials.with(withProbe(meta, signatureName, tensors), (probe) => {
    const calibration = calibrate(probe, tensors, photos, () => {
      abort.throwIfAborted();
    });
    const outputs = photos.map(({ inputs }) => probe.run(signatureName, inputs, [output.name])[0]);
    return { calibration, expected: { photos, outputs } };
  });
}

/** All but the first and the last, unless there are no others. */
function innerLayers({ names, structure: { first, last } }: Network): ReadonlySet<string> {
  const inner = names.filter((name) => !first.has(name) && !last.has(name));
  return new Set(inner.length > 0 ? inner : names);
}

function lossesOf({ methods }: Choice): Int8Report['ranges']['losses'] {
  const losses = Object.entries(methods).map(([method, { loss }]) => [method, loss] as const);
  return Object.fromEntries(losses) as Int8Report['ranges']['losses'];
}

function floatLayers(
  { names, structure: { first } }: Network,
  quantized: ReadonlySet<string>,
  {
    slow,
    choice: { restored },
    left,
  }: {
    readonly slow: ReadonlyMap<string, number>;
    readonly choice: Choice;
    readonly left: ReadonlyMap<string, string>;
  },
): readonly FloatLayer[] {
  return names.flatMap((layer): FloatLayer[] => {
    if (quantized.has(layer)) return [];
    const detail = left.get(layer);
    if (detail !== undefined) return [{ layer, reason: 'no kernel', detail }];
    const ratio = slow.get(layer);
    if (ratio !== undefined) return [{ layer, reason: 'slower', measured: ratio }];
    const difference = restored.get(layer);
    if (difference !== undefined) return [{ layer, reason: 'accuracy', measured: difference }];
    return [{ layer, reason: first.has(layer) ? 'first' : 'last' }];
  });
}
