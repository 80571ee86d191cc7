import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { casePaths, modelNames, type BenchCase } from './cases';
import type { Contender } from './contender';
import { untilHealthy, type ContenderProcess } from './contender-process';
import { accepted, type Measurement } from './measurement';
import { knownPhoto, photosOf } from './photos';
import { ask, Probe } from './probe';
import { useOfTree } from './process-tree';
import { requestBody, writeRequestPlan } from './request-bodies';
import { WARM_UP_S, type RunFacts, type RunningContender } from './running-contender';
import { parseStats, type ServerStats } from './server-stats';
import { percentile } from './statistics';
import { UsageWatch } from './usage-watch';

/** Often enough that p99 of a few seconds is not simply the slowest. */
const PROBE_EVERY_MS = 25;
/** Less often, as each sends a photo. */
const REFUSED_PROBE_EVERY_MS = 200;
const QUIET_LOOK_MS = 300;
/** Of one core. */
const QUIET_SHARE = 0.2;
const QUIET_LIMIT_MS = 30_000;

/** A server under load from the load generator. */
export class HttpContender implements RunningContender {
  readonly #contender: Contender;
  readonly #own: ContenderProcess;
  readonly #base: string;
  readonly #facts: RunFacts;

  constructor(contender: Contender, own: ContenderProcess, base: string, facts: RunFacts) {
    this.#contender = contender;
    this.#own = own;
    this.#base = base;
    this.#facts = facts;
  }

  ready(): Promise<void> {
    return untilHealthy(this.#own, this.#base + (this.#contender.readyPath ?? '/'));
  }

  /** Every contender has to give the right answer before its speed means anything. */
  async check(models: number): Promise<void> {
    const { file, index } = await knownPhoto();
    const body = requestBody(await readFile(file), 'multipart');
    for (const model of modelNames({ task: 'classify', models })) {
      const { status, text } = await ask(`${this.#base}/models/${model}/classify`, body);
      const answered = /"index":\s*(\d+)/.exec(text)?.[1];
      if (status !== 200 || answered !== String(index)) {
        throw new Error(
          `answered ${String(status)}, class ${answered ?? 'none'} instead of ${String(index)}: ${text.slice(0, 200)}`,
        );
      }
    }
  }

  async warmUp(benchCase: BenchCase, seconds: number): Promise<void> {
    const { order } = await this.#prepare(benchCase);
    await this.#facts.generator.run({ ...order, seconds });
  }

  async measure(benchCase: BenchCase): Promise<Measurement> {
    const { seconds, generator } = this.#facts;
    const { order, plan, photos } = await this.#prepare(benchCase);
    await this.#quiet();
    await generator.run({ ...order, seconds: WARM_UP_S });
    const probes = await this.#startProbes(benchCase, photos[0]);
    const statsBefore = await this.#stats();
    const watch = new UsageWatch(this.#own.group);
    const load = await generator.run({ ...order, seconds: seconds * benchCase.stretch });
    const used = watch.end(load.cpuMs);
    const stats = await this.#stats();
    const live = (await probes.live?.stop()) ?? [];
    const refused = ((await probes.refused?.stop()) ?? []).filter(({ status }) => status === 429);
    if (this.#own.ended) throw new Error(`it ended under load; see ${this.#own.log}`);
    const answers = Object.values(load.statuses).reduce((sum, count) => sum + count, 0);
    const good = accepted(load.statuses);
    const liveMs = live.map(({ ms }) => ms);
    const refusedMs = refused.map(({ ms }) => ms);
    return {
      perSecond: good / load.seconds,
      p50Ms: load.p50Ms,
      p95Ms: load.p95Ms,
      p99Ms: load.p99Ms,
      statuses: load.statuses,
      failed: load.failed + live.filter(({ status }) => status !== 200).length,
      cpuMs: used.cpuMs / good,
      loadCpuMs: load.cpuMs / answers,
      rssBytes: used.rssBytes,
      othersShare: used.othersShare,
      sentBytes: plan.meanBodyBytes,
      receivedBytes: load.bytes / answers,
      ...batchOf(statsBefore, stats),
      ...(stats.loopP99Ms === undefined ? {} : { loopP99Ms: stats.loopP99Ms }),
      ...(liveMs.length === 0
        ? {}
        : { liveP50Ms: percentile(liveMs, 50), liveP99Ms: percentile(liveMs, 99) }),
      ...(refusedMs.length === 0
        ? {}
        : { refusedP50Ms: percentile(refusedMs, 50), refusedP99Ms: percentile(refusedMs, 99) }),
    };
  }

  pause(): void {
    this.#own.pause();
  }

  resume(): void {
    this.#own.resume();
  }

  stop(): Promise<void> {
    return this.#own.stop();
  }

  async #prepare(benchCase: BenchCase) {
    const { folder } = this.#facts;
    const photos = await photosOf(benchCase.photos);
    const plan = await writeRequestPlan(path.join(folder, 'bodies', benchCase.photos), {
      photos,
      paths: casePaths(benchCase),
      encoding: benchCase.encoding,
    });
    const { connections, patienceMs } = benchCase;
    const order = { url: this.#base, planFile: plan.file, connections, patienceMs, folder };
    return { order, plan, photos };
  }

  /** What an earlier case left in a queue is not this one's to pay for. */
  async #quiet(): Promise<void> {
    const end = performance.now() + QUIET_LIMIT_MS;
    let before = useOfTree(this.#own.group).cpuMs;
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, QUIET_LOOK_MS));
      const now = useOfTree(this.#own.group).cpuMs;
      if (now - before < QUIET_LOOK_MS * QUIET_SHARE) return;
      before = now;
    }
  }

  async #startProbes(
    benchCase: BenchCase,
    photo: string | undefined,
  ): Promise<{ readonly live?: Probe; readonly refused?: Probe }> {
    const { livePath } = this.#contender;
    const [first = '/'] = casePaths(benchCase);
    return {
      ...(livePath === undefined ? {} : { live: new Probe(this.#base + livePath, PROBE_EVERY_MS) }),
      // Only where a queue can be full: elsewhere the probe would add to the load.
      ...(benchCase.connections < 256 || photo === undefined
        ? {}
        : {
            refused: new Probe(
              this.#base + first,
              REFUSED_PROBE_EVERY_MS,
              requestBody(await readFile(photo), benchCase.encoding),
            ),
          }),
    };
  }

  async #stats(): Promise<ServerStats> {
    const { statsPath } = this.#contender;
    if (statsPath === undefined) return {};
    const { status, text } = await ask(this.#base + statsPath);
    return status === 200 ? parseStats(text) : {};
  }
}

function batchOf(before: ServerStats, after: ServerStats): { readonly meanBatch?: number } {
  const runs = (after.runs ?? 0) - (before.runs ?? 0);
  return runs > 0 ? { meanBatch: ((after.rows ?? 0) - (before.rows ?? 0)) / runs } : {};
}
