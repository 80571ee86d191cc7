import { rm } from 'node:fs/promises';
import path from 'node:path';

import { messageOf } from '../kernel/errors';
import { ArtefactCache, type Artefact } from './artefact-cache';
import { askProcess } from '../process/ask-process';
import type { ImagePlan } from './image/image-plan';
import { hashModel } from './model-hash';
import type { RewriteReport } from './rewrite-model';
import type { RewriteAnswer, RewriteTask } from './rewrite-process';
import { VARIABLES_FROM_BYTES, type WeightChoice, type WeightStorage } from './write-rewritten';

export interface ModelOptimizerOptions {
  /** Folder for rewritten models. */
  readonly cacheDirectory: string;
  /** Makes the folder that is used when the cache cannot be written. */
  readonly fallbackDirectory: () => string;
  /** Bytes of rewritten models kept. */
  readonly cacheMaxBytes: number;
  /** Milliseconds that one rewrite, its check included, may take. */
  readonly timeoutMs: number;
  /** What rewritten models depend on besides the files: TensorFlow's version and variant. */
  readonly runtime: string;
  /** Where rewritten models will run. */
  readonly device: 'cpu' | 'gpu';
  /** Called when a cache folder cannot be used. */
  readonly onCacheProblem?: (reason: string) => void;
  /** Rewrites one model; never throws. @default in a process of its own */
  readonly rewrite?: Rewrite;
}

/** @param timeoutMs that it may take */
export type Rewrite = (
  task: RewriteTask,
  timeoutMs: number,
  signal: AbortSignal | undefined,
) => Promise<RewriteAnswer>;

/** How a version is served. */
export type Optimization =
  | {
      readonly state: 'optimized';
      /** Folder to load. */
      readonly directory: string;
      readonly report: RewriteReport;
      /** It was there already. */
      readonly cached: boolean;
    }
  | {
      readonly state: 'original';
      readonly reason: string;
      /** A rewrite was tried and failed or was wrong; otherwise there is none to be had. */
      readonly dropped?: true;
    };

/** What is wanted of a rewrite. */
export interface Wanted {
  /** What to put into the graph of a model that takes images. */
  readonly image?: ImagePlan | undefined;
  /** What large weights become. @default auto: by their size and the device */
  readonly weights?: WeightStorage | 'auto' | undefined;
}

interface Rewritable {
  readonly directory: string;
  readonly image: ImagePlan | undefined;
  readonly weights: WeightChoice;
}

/** Whether something was rewritten and is not served because it fails or is wrong. */
export function isDropped(optimization: Optimization): boolean {
  return optimization.state === 'original'
    ? optimization.dropped === true
    : optimization.report.image?.dropped === true;
}

/** Makes and keeps rewritten models. Never throws: what goes wrong leaves a model as it is. */
export class ModelOptimizer {
  readonly #options: ModelOptimizerOptions;
  /** One rewrite a model at a time, whoever asks for it. */
  readonly #running = new Map<string, Promise<Optimization>>();

  constructor(options: ModelOptimizerOptions) {
    this.#options = options;
  }

  /**
   * Finds or makes the rewrite of a SavedModel.
   * @param signal ends a rewrite that has been started
   */
  async optimize(
    directory: string,
    signal?: AbortSignal,
    { image, weights: wanted = 'auto' }: Wanted = {},
  ): Promise<Optimization> {
    try {
      const weights = wanted === 'auto' ? VARIABLES_FROM_BYTES[this.#options.device] : wanted;
      const key = await hashModel(directory, this.#options.runtime, weights, image);
      const running = this.#running.get(key);
      if (running !== undefined) return await running;
      const started = this.#findOrRewrite(key, { directory, image, weights }, signal).finally(
        () => {
          this.#running.delete(key);
        },
      );
      this.#running.set(key, started);
      return await started;
    } catch (thrown) {
      return { state: 'original', reason: messageOf(thrown), dropped: true };
    }
  }

  async #findOrRewrite(
    key: string,
    model: Rewritable,
    signal: AbortSignal | undefined,
  ): Promise<Optimization> {
    const { cacheDirectory, fallbackDirectory, cacheMaxBytes, onCacheProblem } = this.#options;
    let reason = '';
    for (const place of [() => cacheDirectory, fallbackDirectory]) {
      let prepared: string | undefined;
      try {
        const cache = new ArtefactCache(place(), cacheMaxBytes);
        const found = await cache.find(key);
        if (found !== undefined) return toOptimization(found, true);
        prepared = await cache.begin();
        return await this.#rewrite(key, model, cache, prepared, signal);
      } catch (thrown) {
        reason = messageOf(thrown);
        onCacheProblem?.(reason);
      } finally {
        if (prepared !== undefined) await rm(prepared, { recursive: true, force: true });
      }
    }
    return {
      state: 'original',
      reason: `the rewritten model cannot be kept: ${reason}`,
      dropped: true,
    };
  }

  /** @throws Error when the entry cannot be written */
  async #rewrite(
    key: string,
    { directory, image, weights }: Rewritable,
    cache: ArtefactCache,
    prepared: string,
    signal: AbortSignal | undefined,
  ): Promise<Optimization> {
    const target = path.join(prepared, 'model');
    const task = {
      source: path.resolve(directory),
      target,
      weights,
      ...(image === undefined ? {} : { image }),
    };
    const { rewrite = rewriteInProcess, timeoutMs } = this.#options;
    const answer = await rewrite(task, timeoutMs, signal);
    // Not kept: a crash or a full disk may not come again.
    if (answer.kind === 'failed') {
      return { state: 'original', reason: `the rewrite failed: ${answer.reason}`, dropped: true };
    }
    const artefact = await cache.commit(
      key,
      answer.kind === 'rewritten' ? target : prepared,
      answer,
    );
    if (artefact === undefined) throw new Error('the entry was gone at once');
    return toOptimization(artefact, false);
  }
}

/** In a process of its own; a crash, a hang and a failure are answers too. */
const rewriteInProcess: Rewrite = async (task, timeoutMs, signal) => {
  try {
    return await askProcess<RewriteAnswer>('rewriter/rewrite-process', task, {
      // The server's GPU memory stays untouched, and sums on the CPU are exact enough to compare.
      onCpu: true,
      background: true,
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (thrown) {
    const reason = signal?.aborted === true ? 'the server is shutting down' : messageOf(thrown);
    return { kind: 'failed', reason };
  }
};

function toOptimization(artefact: Artefact, cached: boolean): Optimization {
  if (artefact.kind === 'rewritten') {
    const { directory, report } = artefact;
    return { state: 'optimized', directory, report, cached };
  }
  const { reason, dropped } = artefact;
  return { state: 'original', reason, ...(dropped === undefined ? {} : { dropped }) };
}
