import type { ServableSpec } from '../../../models/servable-spec';
import type { QuantizationPlan } from '../../../rewriter/quantize/quantize-graph';
import { batchOf } from '../examples';
import { measureSpeed } from '../measure-speed';
import type { Photo } from '../photos';
import type { AccuracyLoss } from './accuracy-loss';
import { IslandTimer } from './layer-speed';
import type { Network } from './network';
import { quantizedGraph, type TrialModels } from './trial-models';

/** A layer that gains less than this is not worth rounding. */
const LEAST_GAIN = 1.05;
/** What the first or last layers must gain of the whole network's time. */
const EDGE_GAIN = 1.01;
/** Images in a timed run. */
const ROWS_TIMED = 4;

export interface SpeedOptions {
  readonly trials: TrialModels;
  readonly rounds: number;
  readonly abort: AbortSignal;
}

/**
 * Layers that are not faster in 8 bits, with the changes to 8 bits and back that they need.
 * @returns their speed against float32
 */
export async function slowLayers(
  { meta, structure }: Network,
  plan: QuantizationPlan,
  { trials, abort }: SpeedOptions,
): Promise<ReadonlyMap<string, number>> {
  const timer = new IslandTimer(meta, trials);
  const slow = new Map<string, number>();
  for (const island of structure.islands(plan.layers)) {
    const { layers, ratio } = await timer.time(island, plan, abort);
    if (ratio < LEAST_GAIN) for (const layer of layers) slow.set(layer, ratio);
  }
  return slow;
}

export interface Planned {
  readonly plan: QuantizationPlan;
  readonly loss: AccuracyLoss;
}

/** With the first and the last layers too, where that is faster and the budget allows it. */
export async function withEdges(
  network: Network,
  planned: Planned,
  budget: number,
  lossOf: (plan: QuantizationPlan) => Promise<AccuracyLoss>,
  {
    spec,
    photos,
    ...options
  }: SpeedOptions & { readonly spec: ServableSpec; readonly photos: readonly Photo[] },
): Promise<Planned> {
  const { structure, names } = network;
  let best = planned;
  for (const edge of [structure.first, structure.last]) {
    const added = names.filter((name) => edge.has(name) && !best.plan.layers.has(name));
    if (added.length === 0) continue;
    const plan = { ...best.plan, layers: new Set([...best.plan.layers, ...added]) };
    const loss = await lossOf(plan);
    if (loss.loss > budget) continue;
    const gain = await gainOf(network, best.plan, plan, { spec, photos, ...options });
    if (gain >= EDGE_GAIN) best = { plan, loss };
  }
  return best;
}

async function gainOf(
  { meta, spread }: Network,
  before: QuantizationPlan,
  after: QuantizationPlan,
  {
    trials,
    rounds,
    abort,
    spec,
    photos,
  }: SpeedOptions & { readonly spec: ServableSpec; readonly photos: readonly Photo[] },
): Promise<number> {
  const rows = photos.slice(0, ROWS_TIMED).map(({ inputs }) => inputs);
  const batch = batchOf(spec, rows, spec.batchable ? ROWS_TIMED : 1);
  const graphOf = (plan: QuantizationPlan) => quantizedGraph(meta, spread(plan)).converted;
  const outputs = [spec.output.name];
  const { ratio } = await trials.with(graphOf(before), (a) =>
    trials.with(graphOf(after), (b) =>
      measureSpeed(a, b, batch, { signature: spec.signatureName, outputs, rounds, abort }),
    ),
  );
  return ratio;
}
