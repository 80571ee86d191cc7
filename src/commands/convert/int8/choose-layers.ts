import { NotRewritableError } from '../../../rewriter/not-rewritable';
import type { QuantizationPlan } from '../../../rewriter/quantize/quantize-graph';
import {
  chooseRange,
  RANGE_METHODS,
  type RangeMethod,
} from '../../../rewriter/quantize/choose-range';
import type { Range } from '../../../rewriter/quantize/quantization';
import type { AccuracyLoss } from './accuracy-loss';
import type { Calibration } from './calibrate';

/** Layers and ranges that keep within a budget. */
export interface Choice {
  readonly plan: QuantizationPlan;
  readonly method: RangeMethod;
  readonly loss: AccuracyLoss;
  /** Of each method, with all layers in 8 bits. */
  readonly methods: Readonly<Record<RangeMethod, AccuracyLoss>>;
  /** Layers put back into float32 for accuracy, with the difference that each makes alone. */
  readonly restored: ReadonlyMap<string, number>;
}

/** Restores are tried in steps that grow by this factor, as each costs a model and a run of all photos. */
const GROWTH = 1.4;

/**
 * Chooses how ranges are found, by measured agreement, and then which layers cost accuracy: each is
 * measured alone, and the worst are put back into float32 until what is lost is within the budget.
 * @param known ranges that the model brings itself
 * @param lossOf runs a plan
 * @throws NotRewritableError when no layers keep within it
 */
export async function chooseLayers(
  base: Omit<QuantizationPlan, 'ranges'>,
  { histograms }: Calibration,
  known: ReadonlyMap<string, Range>,
  budget: number,
  lossOf: (plan: QuantizationPlan) => Promise<AccuracyLoss>,
): Promise<Choice> {
  const planOf = (method: RangeMethod): QuantizationPlan => ({
    ...base,
    ranges: new Map([
      ...[...histograms].map(
        ([tensor, histogram]) => [tensor, chooseRange(histogram, method)] as const,
      ),
      ...known,
    ]),
  });
  const methods: [RangeMethod, AccuracyLoss][] = [];
  for (const method of RANGE_METHODS) methods.push([method, await lossOf(planOf(method))]);
  const ranked = [...methods].sort(([, a], [, b]) => compare(a, b));
  const [method, loss] = ranked[0] ?? ['largest', { loss: Infinity, difference: Infinity }];
  const all = Object.fromEntries(methods) as Record<RangeMethod, AccuracyLoss>;
  const plan = planOf(method);
  if (loss.loss <= budget) return { plan, method, loss, methods: all, restored: new Map() };
  return { method, methods: all, ...(await restore(plan, budget, lossOf)) };
}

/** The loss alone would be decided by single images. */
function compare(a: AccuracyLoss, b: AccuracyLoss): number {
  return a.loss + a.difference - (b.loss + b.difference);
}

async function restore(
  plan: QuantizationPlan,
  budget: number,
  lossOf: (plan: QuantizationPlan) => Promise<AccuracyLoss>,
): Promise<Pick<Choice, 'plan' | 'loss' | 'restored'>> {
  const alone: [string, number][] = [];
  for (const layer of plan.layers) {
    const { difference } = await lossOf({ ...plan, layers: new Set([layer]) });
    alone.push([layer, difference]);
  }
  const worst = alone.sort(([, a], [, b]) => b - a);
  let count = 1;
  let least = Infinity;
  for (;;) {
    const restored = new Map(worst.slice(0, count));
    const layers = new Set([...plan.layers].filter((layer) => !restored.has(layer)));
    if (layers.size === 0) {
      throw new NotRewritableError(
        `no choice of layers in 8 bits keeps the accuracy lost within ${budget}; the least was ${least.toPrecision(2)}: allow that with --max-accuracy-loss, or choose bf16`,
      );
    }
    const tried = { ...plan, layers };
    const loss = await lossOf(tried);
    least = Math.min(least, loss.loss);
    if (loss.loss <= budget) return { plan: tried, loss, restored };
    count = Math.max(count + 1, Math.round(count * GROWTH));
  }
}
