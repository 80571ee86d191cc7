import path from 'node:path';

import { MODELS, ROOT } from '../paths';
import { serverModule } from '../server-code';
import { median, percentile } from '../statistics';
import { GpuWatch, type GpuUse } from './nvidia-smi';

export interface BatchFigures {
  readonly batch: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Estimated time in which the input goes to the device; see transferMs. */
  readonly toDeviceMs: number;
  readonly gpu: GpuUse | undefined;
}

const SIDE = 224;
const VALUES = SIDE * SIDE * 3;
const WARM_UP_RUNS = 3;

type Run = () => void;

/** Loaded late: by then it has been decided which device TensorFlow sees. */
function loadModel(directory: string) {
  const { TfjsBackend } =
    serverModule<typeof import('../../src/runtime/tfjs-backend')>('runtime/tfjs-backend');
  const backend = new TfjsBackend();
  return { device: backend.device, model: backend.loadModel(directory) };
}

/** Which device TensorFlow really took: a driver alone does not decide it. */
export function deviceInUse(): 'gpu' | 'cpu' {
  return loadModel(path.join(ROOT, 'test/fixtures/models/half_plus_two/1')).device;
}

/** The shipped classifier through the server's own backend, one batch after the other. */
export async function measureBatches(
  batches: readonly number[],
  seconds: number,
  gpuIndex: string | undefined,
  onRow: (row: BatchFigures) => void,
): Promise<readonly BatchFigures[]> {
  const { model } = loadModel(path.join(MODELS, 'efficientnet-lite0/1'));
  const rows: BatchFigures[] = [];
  for (const batch of batches) {
    const input = {
      name: 'images',
      dtype: 'float32',
      shape: [batch, SIDE, SIDE, 3],
      data: new Float32Array(batch * VALUES).fill(0.25),
    } as const;
    const toDeviceMs = await transferMs(batch * VALUES);
    const watch = gpuIndex === undefined ? undefined : new GpuWatch(gpuIndex);
    const times = await timesOf(() => {
      model.run('serving_default', [input], ['logits']);
    }, seconds);
    const gpu = await watch?.stop();
    const total = times.reduce((sum, ms) => sum + ms, 0);
    const row = {
      batch,
      perSecond: (batch * times.length * 1000) / total,
      p50Ms: percentile(times, 50),
      p99Ms: percentile(times, 99),
      toDeviceMs,
      gpu,
    };
    rows.push(row);
    onRow(row);
  }
  model.dispose();
  return rows;
}

/**
 * What it takes to bring so many floats to the device, estimated with a model that hardly computes
 * (x / 2 + 2) and answers as many floats: half of what its run takes longer than one of a single
 * float. TensorFlow's C API gives no time of a copy alone.
 */
async function transferMs(values: number): Promise<number> {
  const { model } = loadModel(path.join(ROOT, 'test/fixtures/models/half_plus_two/1'));
  const runOf = (length: number): Run => {
    const data = new Float32Array(length);
    return () => {
      model.run('serving_default', [{ name: 'x', dtype: 'float32', shape: [length], data }]);
    };
  };
  const small = median(await timesOf(runOf(1), 0.2));
  const whole = median(await timesOf(runOf(values), 0.5));
  model.dispose();
  return Math.max(0, (whole - small) / 2);
}

async function timesOf(run: Run, seconds: number): Promise<readonly number[]> {
  for (let turn = 0; turn < WARM_UP_RUNS; turn += 1) run();
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end || times.length === 0) {
    const began = performance.now();
    run();
    times.push(performance.now() - began);
    // A run blocks the thread; the watch's output has to be read now and then.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return times;
}
