import type { Permit } from '../batching/admission';
import type { BatchResult } from '../batching/batch-request';
import type { Tensor } from '../kernel/tensor';
import type { Servable } from '../models/servable';
import { ServingError } from '../kernel/errors';
import { feedRow, type RowPreparer } from './feed-row';
import { ownStage } from './own-stage';
import { refusedInput } from './refused-input';
import type { RowInputs } from './row-inputs';
import type { ImagePreparer } from './image-preparer';
import type { Answering, TaskRun } from '../tasks/task';
import type { AnsweredImage } from './image-request';
import type { Stage } from './inference-observer';
import type { HookRunner } from './model-hooks';
import { attemptTiles, type TileParts } from './tiled-attempt';
import { validateInputs } from './validate-inputs';

export interface AttemptParts extends TileParts {
  readonly hooks?: HookRunner | undefined;
  readonly preparer: RowPreparer & Pick<ImagePreparer, 'headerOf' | 'decode' | 'prepareTile'>;
}

export interface AttemptOf {
  readonly servable: Servable;
  /** Empty where there is no upload. */
  readonly image: Uint8Array;
  /** What it is fed besides; undefined where the upload is all. */
  readonly more: RowInputs | undefined;
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
export async function attemptImage(of: AttemptOf, parts: AttemptParts): Promise<AnsweredImage> {
  const { servable, more, how, permit, signal } = of;
  const { preparer, observer, hooks } = parts;
  const started = performance.now();
  const context = { model: servable.name, version: servable.version };
  // Without an upload there is nothing to see.
  const hooked = hooks !== undefined && of.image.length > 0;
  const image = hooked ? await hooks.preprocess(of.image, context) : of.image;
  // Further pictures are looked at as a whole, and so is what a hook sees: no tiles then.
  const whole = (more?.pictures.size ?? 0) > 0 || hooks?.postprocesses(servable.name) === true;
  if (how.tiles !== undefined && !whole) {
    const tiles = how.tiles(await preparer.headerOf(servable, image, signal));
    if (tiles !== undefined) return attemptTiles({ ...of, image, tiles, run: runRow }, parts);
  }
  const stage = (which: Stage, ms: number): number => {
    observer?.stage(servable.name, servable.version, which, ms);
    return ms;
  };
  const observed = { servable, observer };
  const row = await ownStage(observed, 'preprocess', () =>
    feedRow(servable, how.run, image, more, signal, preparer),
  );
  const { tensor, inputs, release } = row;
  try {
    const preprocessMs = stage('preprocess', performance.now() - started);
    const run = runRow(servable, how.run, inputs, permit, signal);
    const { outputs, queueMs, inferMs, batchRows } = await run;
    stage('queue', queueMs);
    stage('infer', inferMs);
    const received = performance.now();
    const value = await ownStage(observed, 'postprocess', async () => {
      const answer = await how.postprocess({ outputs, tensor, image });
      if (hooks === undefined) return answer;
      const { labels } = servable.spec;
      const data = await hooks.postprocess(outputs, { ...context, labels, answer: answer.data });
      return { ...answer, data };
    });
    const postprocessMs = stage('postprocess', performance.now() - received);
    const timings = { preprocessMs, queueMs, inferMs, postprocessMs };
    return { ok: true, value, timings, batchRows };
  } finally {
    release();
  }
}

/** Queues one row and runs it. @throws ServingError */
async function runRow(
  servable: Servable,
  { signatureName, signature, outputs: names }: TaskRun,
  inputs: readonly Tensor[],
  permit: Permit,
  signal: AbortSignal | undefined,
): Promise<BatchResult> {
  validateInputs(signature, inputs);
  try {
    return await servable.batcher.submit(
      {
        signature: signatureName,
        inputs,
        rows: 1,
        batchable: servable.rowsOf(signatureName).independent,
        outputs: names,
        signal,
      },
      permit,
    );
  } catch (thrown) {
    throw servable.spec.inputs.encoded === undefined ? thrown : undecodedInput(thrown);
  }
}

/** What the graph refuses of a file that it decodes itself is the fault of the file. */
function undecodedInput(thrown: unknown): unknown {
  const refused = refusedInput(thrown);
  return refused instanceof ServingError && refused.code === 'INVALID_INPUT'
    ? new ServingError(
        'UNDECODABLE_IMAGE',
        `The model cannot decode the image: ${refused.message}`,
        {
          cause: refused,
        },
      )
    : thrown;
}
