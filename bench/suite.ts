import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { modelNames, type BenchCase } from './cases';
import type { Contender } from './contender';
import type { LoadGenerator } from './load-generator';
import type { Measurement } from './measurement';
import { MODELS } from './paths';
import { FIRST_WARM_UP, type RunningContender } from './running-contender';
import { startContender } from './start-contender';

/** Share of the machine's CPU time that others may take before a figure is doubted. */
export const MOST_DISTURBANCE = 0.05;

export interface SuiteOptions {
  readonly contenders: readonly Contender[];
  readonly cases: readonly BenchCase[];
  readonly rounds: number;
  /** Of one measurement. */
  readonly seconds: number;
  readonly generator: LoadGenerator;
  readonly prefix: readonly string[];
  /** A measurement during which other programs took more than MOST_DISTURBANCE is repeated. */
  readonly attempts: number;
  readonly say: (line: string) => void;
  /** Once aborted, the measurement under way is the last; what there is counts. */
  readonly signal?: AbortSignal;
}

export interface Sample {
  readonly contender: string;
  readonly case: string;
  readonly round: number;
  readonly measurement: Measurement;
}

/** A contender, or one case of it, that gave no figures, and why. */
export interface Omission {
  readonly contender: string;
  readonly case?: string;
  readonly reason: string;
}

export interface SuiteResult {
  readonly samples: readonly Sample[];
  readonly omissions: readonly Omission[];
}

/**
 * In each round every contender takes its turn at every case, one straight after the other, so that
 * what else the machine does meets all of them. Idle contenders stay up: they cost no CPU.
 */
export async function runSuite(options: SuiteOptions): Promise<SuiteResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tfjs-serving-bench-'));
  const samples: Sample[] = [];
  const omissions: Omission[] = [];
  try {
    const able = await prepared(options, omissions);
    for (const models of [...new Set(options.cases.map((benchCase) => benchCase.models))]) {
      const cases = options.cases.filter((benchCase) => benchCase.models === models);
      await new Group(
        { ...options, contenders: able },
        { folder, models, cases, samples, omissions },
      ).run();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { samples, omissions };
}

async function prepared(
  { contenders, say }: SuiteOptions,
  omissions: Omission[],
): Promise<readonly Contender[]> {
  const able: Contender[] = [];
  for (const contender of contenders) {
    try {
      await contender.prepare?.();
      able.push(contender);
    } catch (thrown) {
      const reason = reasonOf(thrown);
      say(`${contender.name}: left out: ${reason}`);
      omissions.push({ contender: contender.name, reason });
    }
  }
  return able;
}

interface GroupFacts {
  readonly folder: string;
  readonly models: number;
  readonly cases: readonly BenchCase[];
  readonly samples: Sample[];
  readonly omissions: Omission[];
}

/** The cases that need the same model repository. */
class Group {
  readonly #options: SuiteOptions;
  readonly #facts: GroupFacts;
  readonly #running = new Map<string, RunningContender>();

  constructor(options: SuiteOptions, facts: GroupFacts) {
    this.#options = options;
    this.#facts = facts;
  }

  async run(): Promise<void> {
    const { contenders, rounds } = this.#options;
    const { cases } = this.#facts;
    const taking = contenders.filter((contender) => cases.some(contender.supports));
    const repository = await this.#repository();
    try {
      for (let round = 1; round <= rounds; round += 1) {
        for (const benchCase of cases) {
          for (const contender of taking) {
            if (this.#options.signal?.aborted === true) return;
            if (contender.supports(benchCase))
              await this.#take(contender, benchCase, round, repository);
          }
        }
      }
    } finally {
      await Promise.all([...this.#running.values()].map((running) => running.stop()));
    }
  }

  async #take(
    contender: Contender,
    benchCase: BenchCase,
    round: number,
    repository: string,
  ): Promise<void> {
    const { say, seconds, generator, prefix } = this.#options;
    const { folder, models, samples, omissions } = this.#facts;
    const { name } = contender;
    const known = omissions.some(
      (omission) => omission.contender === name && omission.case === undefined,
    );
    if (known) return;
    const label = `round ${String(round)}  ${benchCase.name.padEnd(16)} ${name.padEnd(16)}`;
    try {
      let running = this.#running.get(name);
      if (running === undefined) {
        say(`starting ${name}`);
        running = await startContender(contender, models, {
          repository,
          folder,
          seconds,
          generator,
          prefix,
        });
        this.#running.set(name, running);
        const { connections, seconds: warmUpS } = FIRST_WARM_UP;
        await running.warmUp({ ...benchCase, connections }, warmUpS);
      }
      running.resume();
      const measurement = await leastDisturbed(running, benchCase, this.#options);
      running.pause();
      samples.push({ contender: name, case: benchCase.name, round, measurement });
      say(
        `${label} ${measurement.perSecond.toFixed(1).padStart(8)}/s  p50 ${measurement.p50Ms.toFixed(1)} ms  others ${(100 * measurement.othersShare).toFixed(0)}%`,
      );
    } catch (thrown) {
      const reason = reasonOf(thrown);
      say(`${label} FAILED: ${reason}`);
      // What never started will not start in the next round either.
      const started = this.#running.get(name);
      omissions.push({
        contender: name,
        reason,
        ...(started === undefined ? {} : { case: benchCase.name }),
      });
      this.#running.delete(name);
      await started?.stop();
    }
  }

  /** One copy of the model: the shipped repository. Several: copies of it. */
  async #repository(): Promise<string> {
    const { models, folder } = this.#facts;
    if (models === 1) return MODELS;
    const repository = path.join(folder, `models-${String(models)}`);
    await mkdir(repository, { recursive: true });
    for (const name of modelNames({ task: 'classify', models })) {
      await cp(path.join(MODELS, 'efficientnet-lite0'), path.join(repository, name), {
        recursive: true,
      });
    }
    return repository;
  }
}

/**
 * Chosen by what others did, not by the result.
 * @returns the first that was disturbed little, else the one disturbed least
 */
async function leastDisturbed(
  running: RunningContender,
  benchCase: BenchCase,
  { attempts }: SuiteOptions,
): Promise<Measurement> {
  let best = await running.measure(benchCase);
  for (let attempt = 1; attempt < attempts && best.othersShare > MOST_DISTURBANCE; attempt += 1) {
    const again = await running.measure(benchCase);
    if (again.othersShare < best.othersShare) best = again;
  }
  return best;
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
