import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';

import { casePaths, modelNames, type BenchCase } from './cases';
import type { LoopMessage, LoopOrder, LoopReport } from './closed-loop';
import type { Contender } from './contender';
import { ContenderProcess, freePort, untilHealthy } from './contender-process';
import type { LoadGenerator } from './load-generator';
import { accepted, type Measurement } from './measurement';
import { knownPhoto, photosOf } from './photos';
import { ask, Probe } from './probe';
import { cpuOfMachine, useOfTree, type ProcessUse } from './process-tree';
import { requestBody, writeRequestPlan } from './request-bodies';
import { parseStats, type ServerStats } from './server-stats';
import { percentile } from './statistics';

export interface RunFacts {
  readonly repository: string;
  /** For logs, bodies and results on the way. */
  readonly folder: string;
  readonly seconds: number;
  readonly generator: LoadGenerator;
  /** Goes before the contender's command, to keep it on its cores. */
  readonly prefix: readonly string[];
}

/** A contender that has been started and has recognised the known photo. */
export interface RunningContender {
  measure(benchCase: BenchCase): Promise<Measurement>;
  stop(): Promise<void>;
}

const WARM_UP_S = 1;
const PROBE_EVERY_MS = 100;
const QUIET_LOOK_MS = 300;
/** Of one core. */
const QUIET_SHARE = 0.2;
const QUIET_LIMIT_MS = 30_000;

/** @throws Error with the reason: not ready in time, or a wrong answer */
export async function startContender(
  contender: Contender,
  models: number,
  facts: RunFacts,
): Promise<RunningContender> {
  const port = contender.kind === 'http' ? await freePort() : 0;
  const own = new ContenderProcess(
    contender.name,
    contender.command({ repository: facts.repository, port }),
    facts.folder,
    facts.prefix,
  );
  try {
    const running =
      contender.kind === 'http'
        ? new HttpContender(contender, own, `http://127.0.0.1:${String(port)}`, facts)
        : new LoopContender(own, facts);
    await running.ready();
    await running.check(models);
    return running;
  } catch (thrown) {
    await own.stop();
    throw thrown;
  }
}

class HttpContender implements RunningContender {
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

  async measure(benchCase: BenchCase): Promise<Measurement> {
    const { folder, seconds, generator } = this.#facts;
    const photos = await photosOf(benchCase.photos);
    const plan = await writeRequestPlan(path.join(folder, 'bodies', benchCase.photos), {
      photos,
      paths: casePaths(benchCase),
      encoding: benchCase.encoding,
    });
    const order = {
      url: this.#base,
      planFile: plan.file,
      connections: benchCase.connections,
      patienceMs: benchCase.patienceMs,
      folder,
    };
    await this.#quiet();
    await generator.run({ ...order, seconds: WARM_UP_S });
    const probes = await this.#startProbes(benchCase, photos[0]);
    const statsBefore = await this.#stats();
    const watch = new Watch(this.#own.group);
    const load = await generator.run({ ...order, seconds });
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

  stop(): Promise<void> {
    return this.#own.stop();
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
              PROBE_EVERY_MS,
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

class LoopContender implements RunningContender {
  readonly #own: ContenderProcess;
  readonly #facts: RunFacts;

  constructor(own: ContenderProcess, facts: RunFacts) {
    this.#own = own;
    this.#facts = facts;
  }

  async ready(): Promise<void> {
    const message = await this.#next();
    if (message.kind !== 'ready') throw new Error('it did not become ready');
  }

  async check(models: number): Promise<void> {
    const { file, index } = await knownPhoto();
    const { firstIndex } = await this.#order({
      task: 'classify',
      models: modelNames({ task: 'classify', models }),
      concurrency: 1,
      seconds: 0.1,
      photos: [file],
    });
    if (firstIndex !== index) {
      throw new Error(`answered class ${String(firstIndex)} instead of ${String(index)}`);
    }
  }

  async measure(benchCase: BenchCase): Promise<Measurement> {
    const order = {
      task: benchCase.task,
      models: modelNames(benchCase),
      concurrency: benchCase.connections,
      photos: await photosOf(benchCase.photos),
    };
    await this.#order({ ...order, seconds: WARM_UP_S });
    const watch = new Watch(this.#own.group);
    const report = await this.#order({ ...order, seconds: this.#facts.seconds });
    const used = watch.end(0);
    const { latenciesMs } = report;
    return {
      perSecond: report.count / report.seconds,
      p50Ms: percentile(latenciesMs, 50),
      p95Ms: percentile(latenciesMs, 95),
      p99Ms: percentile(latenciesMs, 99),
      statuses: { '200': report.count },
      failed: 0,
      cpuMs: used.cpuMs / report.count,
      rssBytes: used.rssBytes,
      othersShare: used.othersShare,
      ...(report.meanBatch === undefined ? {} : { meanBatch: report.meanBatch }),
      ...(report.decodeMs === undefined ? {} : { decodeMs: report.decodeMs }),
      ...(report.predictMs === undefined ? {} : { predictMs: report.predictMs }),
    };
  }

  stop(): Promise<void> {
    return this.#own.stop();
  }

  async #order(order: LoopOrder): Promise<LoopReport> {
    const answer = this.#next();
    this.#own.child.send(order);
    const message = await answer;
    if (message.kind === 'error') throw new Error(message.message);
    if (message.kind !== 'report') throw new Error('it answered out of turn');
    return message.report;
  }

  #next(): Promise<LoopMessage> {
    const { child, log } = this.#own;
    return new Promise((resolve, reject) => {
      const ended = (): void => {
        child.off('message', answered);
        reject(new Error(`it ended; see ${log}`));
      };
      const answered = (message: LoopMessage): void => {
        child.off('exit', ended);
        resolve(message);
      };
      child.once('message', answered);
      child.once('exit', ended);
    });
  }
}

/** What a contender used while it was measured, and what everything else on the machine did. */
class Watch {
  readonly #group: number;
  readonly #before: ProcessUse;
  readonly #machineBefore = cpuOfMachine();
  readonly #ownBefore = process.cpuUsage();
  readonly #began = performance.now();

  constructor(group: number) {
    this.#group = group;
    this.#before = useOfTree(group);
  }

  end(loadCpuMs: number): ProcessUse & { readonly othersShare: number } {
    const { cpuMs, rssBytes } = useOfTree(this.#group);
    const own = process.cpuUsage(this.#ownBefore);
    const used = cpuMs - this.#before.cpuMs;
    const others =
      cpuOfMachine() - this.#machineBefore - used - loadCpuMs - (own.user + own.system) / 1000;
    const available = (performance.now() - this.#began) * availableParallelism();
    return { cpuMs: used, rssBytes, othersShare: Math.max(0, others / available) };
  }
}

function batchOf(before: ServerStats, after: ServerStats): { readonly meanBatch?: number } {
  const runs = (after.runs ?? 0) - (before.runs ?? 0);
  return runs > 0 ? { meanBatch: ((after.rows ?? 0) - (before.rows ?? 0)) / runs } : {};
}
