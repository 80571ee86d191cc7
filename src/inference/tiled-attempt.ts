import type { Permit } from '../batching/admission';
import type { BatchResult } from '../batching/batch-request';
import type { Region } from '../imaging/geometry';
import type { RgbPicture } from '../imaging/rgb-picture';
import type { ByteBudget } from '../kernel/byte-budget';
import { ServingError, toServingError } from '../kernel/errors';
import type { Tensor } from '../kernel/tensor';
import type { Servable } from '../models/servable';
import { required } from '../tasks/nothing-answered';
import type { Answering, TaskRun, TiledImage, TileJoiner, TilePlan } from '../tasks/task';
import { linkedAbort } from './fail-together';
import { feedTile } from './feed-row';
import type { ImagePreparer } from './image-preparer';
import type { AnsweredImage } from './image-request';
import type { InferenceObserver, Stage } from './inference-observer';
import { ownStage } from './own-stage';
import type { RowInputs } from './row-inputs';

export interface TileParts {
  readonly preparer: Pick<ImagePreparer, 'decode' | 'prepareTile'>;
  readonly observer?: InferenceObserver | undefined;
  /** Bytes of answers are taken from it. */
  readonly budget: Pick<ByteBudget, 'requireRoom' | 'hold' | 'limit'>;
  /** Pixels that an answer made of tiles may have. */
  readonly maxOutputPixels: number;
}

export interface TiledAttemptOf {
  readonly servable: Servable;
  readonly image: Uint8Array;
  /** What every tile is fed besides. */
  readonly more: RowInputs | undefined;
  readonly how: Answering;
  readonly tiles: TiledImage;
  /** Queues a tile and runs it. */
  readonly run: (
    servable: Servable,
    run: TaskRun,
    inputs: readonly Tensor[],
    permit: Permit,
    signal: AbortSignal | undefined,
  ) => Promise<BatchResult>;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal | undefined;
}

/** Between two reports of progress. */
const REPORT_MS = 5000;
/** Of one image, for each instance: one runs and one waits behind it. */
const IN_FLIGHT_PER_INSTANCE = 2;

/**
 * One image in tiles on one way through a model. It takes as many places in the queue as tiles of it may
 * wait or run at once, from its start to its last tile, so that no tile finds the queue full. The first tile
 * that fails ends the image, and the others leave the queue.
 * @throws ServingError OVERLOADED, IMAGE_TOO_LARGE, and those of decoding and running
 */
export async function attemptTiles(of: TiledAttemptOf, parts: TileParts): Promise<AnsweredImage> {
  const { servable, image, tiles } = of;
  const { admission } = servable.batcher;
  const wanted = tiles.maxInFlight ?? IN_FLIGHT_PER_INSTANCE * servable.instances.total;
  const inFlight = Math.max(1, Math.min(wanted, admission.limit));
  // The image itself has one.
  const places = admission.acquire(inFlight - 1);
  const { controller, unlink } = linkedAbort(of.signal);
  const { signal } = controller;
  const started = performance.now();
  const releases: (() => void)[] = [];
  const runs = new TileRuns(of, parts, signal);
  try {
    const observed = { servable, observer: parts.observer };
    const decoded = await ownStage(observed, 'preprocess', () =>
      parts.preparer.decode(servable, image, signal),
    );
    releases.push(decoded.release);
    const preprocessMs = performance.now() - started;
    observe(of, parts, 'preprocess', preprocessMs);
    const { picture } = decoded;

    const first = await runs.run(picture, tiles.first, 'the first tile');
    const plan = tiles.plan(required(first.outputs[0]));
    requireRoomFor(plan, parts);
    releases.push(parts.budget.hold(plan.bytes));
    const joiner = plan.join();
    const batchRows = await runAll(plan, inFlight, {
      first,
      begin: (region, name) => runs.run(picture, region, name),
      report: reporter(of, parts, plan.regions.length),
      joiner,
      signal,
    });
    places.release();
    decoded.release();
    const joined = performance.now();
    const { queueMs } = first;
    const inferMs = joined - started - preprocessMs - queueMs;
    observe(of, parts, 'queue', queueMs);
    observe(of, parts, 'infer', inferMs);
    const value = await ownStage(observed, 'postprocess', () => joiner.answer());
    const postprocessMs = performance.now() - joined;
    observe(of, parts, 'postprocess', postprocessMs);
    return {
      ok: true,
      value,
      timings: { preprocessMs, queueMs, inferMs, postprocessMs },
      batchRows,
    };
  } catch (thrown) {
    controller.abort();
    throw thrown;
  } finally {
    await runs.settled();
    unlink();
    places.release();
    for (const release of releases) release();
  }
}

/**
 * Runs the tiles behind the first, and joins them in their order.
 * @returns rows of the largest batch that one of them ran in
 */
async function runAll(
  { regions }: TilePlan,
  inFlight: number,
  {
    first,
    begin,
    report,
    joiner,
    signal,
  }: {
    readonly first: BatchResult;
    readonly begin: (region: Region, name: string) => Promise<BatchResult>;
    readonly report: (done: number) => void;
    readonly joiner: TileJoiner;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  let batchRows = 0;
  let done = 0;
  const begun: Promise<BatchResult>[] = [Promise.resolve(first)];
  const joinNext = async (): Promise<void> => {
    const result = await begun.shift();
    if (result === undefined) return;
    batchRows = Math.max(batchRows, result.batchRows);
    await joiner.add(required(result.outputs[0]), signal);
    done += 1;
    report(done);
  };
  for (const [index, region] of regions.entries()) {
    if (index === 0) continue;
    if (begun.length >= inFlight) await joinNext();
    begun.push(begin(region, `tile ${index + 1} of ${regions.length}`));
    // One by one: together they would make one batch, and leave other instances idle.
    await nextTurn();
  }
  while (begun.length > 0) await joinNext();
  return batchRows;
}

/** Each tile waits on a place that its image holds. */
const HELD: Permit = { release: () => undefined, split: () => HELD };

/** The runs of the tiles of one image. */
class TileRuns {
  readonly #of: TiledAttemptOf;
  readonly #parts: TileParts;
  readonly #signal: AbortSignal;
  readonly #all = new Set<Promise<unknown>>();

  constructor(of: TiledAttemptOf, parts: TileParts, signal: AbortSignal) {
    this.#of = of;
    this.#parts = parts;
    this.#signal = signal;
  }

  /** @param name of the tile, for the message of an error */
  run(picture: RgbPicture, region: Region, name: string): Promise<BatchResult> {
    const run = this.#run(picture, region).catch((thrown: unknown) => {
      throw ofTile(toServingError(thrown), region, name);
    });
    this.#all.add(run);
    const forget = (): void => {
      this.#all.delete(run);
    };
    run.then(forget, forget);
    return run;
  }

  /** Once no tile is run any more, well or badly. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#all);
  }

  async #run(picture: RgbPicture, region: Region): Promise<BatchResult> {
    const { servable, more, how, run } = this.#of;
    const { image } = how.run;
    if (image === undefined) throw new RangeError('only models of images run tiles');
    const { preparer } = this.#parts;
    const { tensor, release } = await preparer.prepareTile(picture, region, image, this.#signal);
    try {
      const inputs = feedTile(servable, tensor, image, more);
      return await run(servable, how.run, inputs, HELD, this.#signal);
    } finally {
      release();
    }
  }
}

function ofTile(error: ServingError, { left, top, width, height }: Region, name: string): Error {
  if (error.code === 'CLIENT_CLOSED_REQUEST' || error.code === 'DRAINING') return error;
  return new ServingError(
    error.code,
    `The image was run in tiles, and ${name} (${width}×${height} at ${left},${top}) failed: ${error.message}`,
    {
      cause: error,
      ...(error.retryAfterS === undefined ? {} : { retryAfterS: error.retryAfterS }),
    },
  );
}

/** @throws ServingError IMAGE_TOO_LARGE, OVERLOADED */
function requireRoomFor(
  { size: { width, height }, bytes }: TilePlan,
  { maxOutputPixels, budget }: TileParts,
): void {
  const pixels = width * height;
  const what = `The answer would have ${width}×${height} = ${pixels} pixels`;
  if (pixels > maxOutputPixels) {
    throw new ServingError(
      'IMAGE_TOO_LARGE',
      `${what}; ${maxOutputPixels} are allowed (maxOutputPixels): send a smaller image`,
    );
  }
  if (bytes > budget.limit) {
    throw new ServingError(
      'IMAGE_TOO_LARGE',
      `${what}, ${bytes} bytes before they are encoded; ${budget.limit} are allowed (maxBytesInFlight): send a smaller image`,
    );
  }
  budget.requireRoom(bytes);
}

function observe(
  { servable: { name, version } }: TiledAttemptOf,
  { observer }: TileParts,
  stage: Stage,
  ms: number,
): void {
  observer?.stage(name, version, stage, ms);
}

function reporter(
  { servable: { name, version } }: TiledAttemptOf,
  { observer }: TileParts,
  of: number,
): (done: number) => void {
  const started = performance.now();
  let reported = started;
  return (done) => {
    const now = performance.now();
    if (now - reported < REPORT_MS) return;
    reported = now;
    observer?.tiles?.(name, version, { done, of, elapsedMs: Math.round(now - started) });
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
