import type { Permit } from '../batching/admission';
import type { BatchResult } from '../batching/batch-request';
import type { Tensor } from '../kernel/tensor';
import type { Servable } from '../models/servable';
import type { ImageTensor } from '../imaging/preprocess';
import type { ImagePreparer } from './image-preparer';
import type { Answering, TaskRun } from '../tasks/task';
import type { AnsweredImage } from './image-request';
import type { InferenceObserver, Stage } from './inference-observer';
import type { HookRunner } from './model-hooks';
import { validateInputs } from './validate-inputs';

export interface AttemptParts {
  readonly preparer: Pick<ImagePreparer, 'prepare'>;
  readonly observer?: InferenceObserver | undefined;
  readonly hooks?: HookRunner | undefined;
}

export interface AttemptOf {
  readonly servable: Servable;
  readonly image: Uint8Array;
  readonly how: Answering;
  /** Released when the image leaves the queue. */
  readonly permit: Permit;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal | undefined;
}

/**
 * One image on one way through a model: preprocess, queue and infer, postprocess. Each stage that was
 * passed is observed.
 * @throws ServingError
 */
export async function attemptImage(
  { servable, image: given, how, permit, signal }: AttemptOf,
  { preparer, observer, hooks }: AttemptParts,
): Promise<AnsweredImage> {
  const stage = (which: Stage, ms: number): number => {
    observer?.stage(servable.name, servable.version, which, ms);
    return ms;
  };
  const started = performance.now();
  const context = { model: servable.name, version: servable.version };
  const image = (await hooks?.preprocess(given, context)) ?? given;
  const { tensor, release } = await preparer.prepare(servable, image, signal, how.run.image);
  try {
    const preprocessMs = stage('preprocess', performance.now() - started);
    const run = runImage(servable, how.run, tensor, permit, signal);
    const { outputs, queueMs, inferMs, batchRows } = await run;
    stage('queue', queueMs);
    stage('infer', inferMs);
    const received = performance.now();
    const answer = await how.postprocess({ outputs, tensor, image });
    const { labels } = servable.spec;
    const data = await hooks?.postprocess(outputs, { ...context, labels, answer: answer.data });
    const value = data === undefined ? answer : { ...answer, data };
    const postprocessMs = stage('postprocess', performance.now() - received);
    const timings = { preprocessMs, queueMs, inferMs, postprocessMs };
    return { ok: true, value, timings, batchRows };
  } finally {
    release();
  }
}

async function runImage(
  servable: Servable,
  { signatureName, signature, image, outputs: names }: TaskRun,
  tensor: ImageTensor,
  permit: Permit,
  signal: AbortSignal | undefined,
): Promise<BatchResult> {
  const input: Tensor = {
    name: image?.inputName ?? '',
    dtype: image?.dtype ?? 'float32',
    shape: [1, ...tensor.shape],
    data: tensor.data,
  };
  validateInputs(signature, [input]);
  return servable.batcher.submit(
    {
      signature: signatureName,
      inputs: [input],
      rows: 1,
      batchable: servable.rowsOf(signatureName).independent,
      outputs: names,
      signal,
    },
    permit,
  );
}
