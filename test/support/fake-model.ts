import path from 'node:path';

import { INDEPENDENT } from '../../src/kernel/rows-verdict';
import type { RowExaminer } from '../../src/models/rows/row-examiner';
import type { InferenceObserver } from '../../src/inference/inference-observer';
import type { ModelConfig } from '../../src/models/model-config';
import type { RepositoryModel } from '../../src/models/repository';
import { Servable, type ServableOptions } from '../../src/models/servable';
import { FakeInstance } from './fake-instance';
import { FIXTURES } from './service';

const DEFAULTS: ServableOptions['defaults'] = {
  instances: 1,
  maxBatchSize: 4,
  batchSizeSteps: 'fine',
  maxQueueDelayMs: 0,
  maxQueueSize: 8,
  queueTimeoutMs: 1000,
};

/** A model's folder as the repository would describe it. */
export function sourceOf(
  name: string,
  config: ModelConfig = {},
  labels?: readonly string[],
): RepositoryModel {
  return {
    name,
    directory: path.join(FIXTURES, 'models', name),
    versions: [1],
    // Nobody would answer its runs.
    config: { warmup: { enabled: false, iterations: 1 }, ...config },
    labels,
    configured: true,
    problems: [],
    configRevision: '1',
    fileRevisions: new Map([[1, '1']]),
  };
}

/** Finds every signature to have independent rows. */
export const ALL_INDEPENDENT: Pick<RowExaminer, 'examine'> = {
  examine: ({ signatures }) =>
    Promise.resolve(new Map(Object.keys(signatures).map((name) => [name, INDEPENDENT]))),
};

export interface FakeModel {
  readonly servable: Servable;
  /** Instances made so far; they load at once. */
  readonly instances: readonly FakeInstance[];
}

/** A servable of real files whose instances the test plays. */
export async function fakeModel(
  source: RepositoryModel,
  options: Partial<ServableOptions> = {},
): Promise<FakeModel> {
  const instances: FakeInstance[] = [];
  const servable = new Servable({
    source,
    version: 1,
    directory: path.join(source.directory, '1'),
    defaults: DEFAULTS,
    runtime: {
      runTimeoutMs: 1000,
      loadTimeoutMs: 1000,
      rowExaminer: ALL_INDEPENDENT,
      place: ({ instances: count }) =>
        Array.from({ length: count }, () => ({ env: {}, background: true })),
      createInstance: (one) => {
        const instance = new FakeInstance(one);
        instances.push(instance);
        instance.loaded();
        return instance;
      },
    },
    ...options,
  });
  await servable.load();
  return { servable, instances };
}

/** Keeps what it is told. */
export class RecordingObserver implements InferenceObserver {
  readonly outcomes: string[] = [];
  readonly stages: string[] = [];

  readonly stage: InferenceObserver['stage'] = (_model, _version, stage) => {
    this.stages.push(stage);
  };

  readonly outcome: InferenceObserver['outcome'] = (_model, _version, code) => {
    this.outcomes.push(code);
  };
}
