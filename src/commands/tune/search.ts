import { messageOf } from '../../kernel/errors';
import { chooseBest, type Candidate, type ChoiceOptions, type TrialResult } from './choose';
import {
  candidatesOf,
  TUNE_STEPS,
  type TuneMachine,
  type TuneSettings,
  type TuneStep,
} from './settings';

export interface SearchOptions extends ChoiceOptions {
  readonly machine: TuneMachine;
  /** The settings as they are. */
  readonly current: TuneSettings;
  /** How often every candidate of a step is measured. */
  readonly rounds: number;
  /** Starts a server with the settings and measures it. */
  readonly measure: (settings: TuneSettings) => Promise<TrialResult>;
  readonly onStep: (
    step: TuneStep,
    candidates: readonly Candidate[],
    chosen: Candidate | undefined,
  ) => void;
  readonly onProblem: (settings: TuneSettings, reason: string) => void;
}

/** Nothing worked, so there is nothing to recommend. */
class NoUsableSettingsError extends Error {
  constructor(step: TuneStep) {
    super(`none of the settings tried for "${step}" served every request in time`);
    this.name = 'NoUsableSettingsError';
  }
}

/**
 * Goes through the steps; in each the candidates take turns, so that what else the machine does
 * meets all of them. A candidate that cannot start is left out.
 * @throws NoUsableSettingsError
 */
export async function searchSettings(options: SearchOptions): Promise<TuneSettings> {
  let best = options.current;
  for (const step of TUNE_STEPS) {
    const settings = candidatesOf(step, best, options.machine);
    if (settings.length < 2) continue;
    const candidates = await measureAll(settings, options);
    const chosen = chooseBest(candidates, options);
    options.onStep(step, candidates, chosen);
    if (chosen === undefined) throw new NoUsableSettingsError(step);
    best = chosen.settings;
  }
  return best;
}

async function measureAll(
  settings: readonly TuneSettings[],
  { rounds, measure, onProblem }: SearchOptions,
): Promise<readonly Candidate[]> {
  const results = new Map<TuneSettings, TrialResult[]>(settings.map((one) => [one, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [one, measured] of results) {
      try {
        measured.push(await measure(one));
      } catch (thrown) {
        onProblem(one, messageOf(thrown));
        results.delete(one);
      }
    }
  }
  return [...results].map(([one, measured]) => ({ settings: one, results: measured }));
}
