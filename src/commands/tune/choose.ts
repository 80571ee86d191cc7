import { settingsKey, type TuneSettings } from './settings';
import { median } from '../../kernel/statistics';

/** One measurement of one candidate. */
export interface TrialResult {
  /** Answers of 2xx a second. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

export interface Candidate {
  readonly settings: TuneSettings;
  /** Of each round. */
  readonly results: readonly TrialResult[];
}

export interface ChoiceOptions {
  /** Candidates slower than this at the 99th percentile are not considered. */
  readonly maxP99Ms?: number;
}

/** What two runs of the same settings differ by on a quiet machine. */
const NOISE = 0.03;

/** Medians over the rounds; failures add up. */
function summarise({ results }: Candidate): TrialResult {
  const middle = (of: (result: TrialResult) => number): number => median(results.map(of));
  return {
    perSecond: middle(({ perSecond }) => perSecond),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
    failed: results.reduce((sum, { failed }) => sum + failed, 0),
  };
}

/**
 * The highest throughput; among those within NOISE of it, the one that needs the fewest instances
 * and the smallest batches. The first candidate, the settings as they are, stays unless the other
 * was faster by more than NOISE, and faster in every round: on a machine that does other things
 * too, a single round says little.
 * @returns undefined when every candidate failed requests or is over `maxP99Ms`
 */
export function chooseBest(
  candidates: readonly Candidate[],
  { maxP99Ms = Infinity }: ChoiceOptions = {},
): Candidate | undefined {
  const usable = candidates.filter((candidate) => {
    const { failed, p99Ms, perSecond } = summarise(candidate);
    return failed === 0 && perSecond > 0 && p99Ms <= maxP99Ms;
  });
  const [current] = candidates;
  const currentUsable = current !== undefined && usable.includes(current);
  const better = currentUsable ? usable.filter((one) => clearlyBetter(one, current)) : usable;
  if (better.length === 0) return currentUsable ? current : undefined;
  const top = Math.max(...better.map((candidate) => summarise(candidate).perSecond));
  return better
    .filter((candidate) => summarise(candidate).perSecond >= top * (1 - NOISE))
    .sort((a, b) => cost(a.settings) - cost(b.settings))[0];
}

function clearlyBetter(one: Candidate, current: Candidate): boolean {
  return (
    summarise(one).perSecond > summarise(current).perSecond * (1 + NOISE) &&
    one.results.every(
      ({ perSecond }, round) => perSecond > (current.results[round]?.perSecond ?? 0),
    )
  );
}

/** Instances hold a copy of the model each; a larger batch keeps its first image waiting. */
function cost({ instances, maxBatchSize, maxQueueDelayMs }: TuneSettings): number {
  return instances * 1e6 + maxBatchSize * 1e3 + maxQueueDelayMs;
}

/** The lines of a table of candidates; `*` marks the chosen one. */
export function candidateLines(
  candidates: readonly Candidate[],
  chosen: Candidate | undefined,
): readonly string[] {
  return candidates.map((candidate) => {
    const { perSecond, p50Ms, p99Ms, failed } = summarise(candidate);
    const figures = `${perSecond.toFixed(1).padStart(8)}/s  p50 ${p50Ms.toFixed(1)} ms  p99 ${p99Ms.toFixed(1)} ms`;
    const mark = candidate === chosen ? '*' : ' ';
    return `${mark} ${settingsKey(candidate.settings).padEnd(46)}${figures}${failed > 0 ? `  ${failed} FAILED` : ''}`;
  });
}
