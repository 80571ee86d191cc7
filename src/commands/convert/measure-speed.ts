import { setImmediate as turn } from 'node:timers/promises';

import type { LoadedModel } from '../../runtime/backend';
import type { Tensor } from '../../kernel/tensor';
import { median } from '../../kernel/statistics';

/** Two models at one batch size. */
export interface Speed {
  readonly batch: number;
  /** Median milliseconds of a run. */
  readonly float32Ms: number;
  readonly convertedMs: number;
  readonly float32PerSecond: number;
  readonly convertedPerSecond: number;
  /** Above 1 where the converted model is faster. */
  readonly ratio: number;
}

export interface SpeedOptions {
  readonly signature: string;
  readonly outputs: readonly string[];
  readonly rounds: number;
  readonly abort: AbortSignal;
}

const WARM_UP_RUNS = 3;
/** A slow model is not worth more patience; three runs are the least that has a middle. */
const PATIENCE_MS = 30_000;
const LEAST_ROUNDS = 3;

/** The two take turns, so that what else the machine does meets both. */
export async function measureSpeed(
  float32: LoadedModel,
  converted: LoadedModel,
  inputs: readonly Tensor[],
  options: SpeedOptions,
): Promise<Speed> {
  const { signature, outputs, rounds, abort } = options;
  const time = async (model: LoadedModel): Promise<number> => {
    await turn();
    abort.throwIfAborted();
    const started = performance.now();
    model.run(signature, inputs, outputs);
    return performance.now() - started;
  };
  for (let round = 0; round < WARM_UP_RUNS; round += 1) {
    await time(float32);
    await time(converted);
  }
  const times: { readonly before: number[]; readonly after: number[] } = { before: [], after: [] };
  const until = performance.now() + PATIENCE_MS;
  for (let round = 0; round < rounds; round += 1) {
    if (round >= LEAST_ROUNDS && performance.now() > until) break;
    times.before.push(await time(float32));
    times.after.push(await time(converted));
  }
  const [float32Ms, convertedMs] = [median(times.before), median(times.after)];
  const batch = inputs[0]?.shape[0] ?? 1;
  return {
    batch,
    float32Ms,
    convertedMs,
    float32PerSecond: (1000 * batch) / float32Ms,
    convertedPerSecond: (1000 * batch) / convertedMs,
    ratio: float32Ms / convertedMs,
  };
}
