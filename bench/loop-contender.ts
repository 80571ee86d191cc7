import { modelNames, type BenchCase } from './cases';
import type { LoopMessage, LoopOrder, LoopReport } from './closed-loop';
import type { ContenderProcess } from './contender-process';
import type { Measurement } from './measurement';
import { knownPhoto, photosOf } from './photos';
import { WARM_UP_S, type RunFacts, type RunningContender } from './running-contender';
import { percentile } from './statistics';
import { UsageWatch } from './usage-watch';

/** A process that keeps itself busy as it is told. */
export class LoopContender implements RunningContender {
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

  async warmUp(benchCase: BenchCase, seconds: number): Promise<void> {
    await this.#order({ ...(await orderOf(benchCase)), seconds });
  }

  async measure(benchCase: BenchCase): Promise<Measurement> {
    const order = await orderOf(benchCase);
    await this.#order({ ...order, seconds: WARM_UP_S });
    const watch = new UsageWatch(this.#own.group);
    const report = await this.#order({
      ...order,
      seconds: this.#facts.seconds * benchCase.stretch,
    });
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

  pause(): void {
    this.#own.pause();
  }

  resume(): void {
    this.#own.resume();
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

async function orderOf(benchCase: BenchCase): Promise<Omit<LoopOrder, 'seconds'>> {
  return {
    task: benchCase.task,
    models: modelNames(benchCase),
    concurrency: benchCase.connections,
    photos: await photosOf(benchCase.photos),
  };
}
