import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { MODELS } from '../paths';
import { photosOf } from '../photos';
import { serverModule } from '../server-code';
import { GpuWatch, type GpuUse } from './nvidia-smi';

export interface EndToEndFigures {
  readonly instances: number;
  readonly maxBatchSize: number;
  readonly connections: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  readonly gpu: GpuUse | undefined;
}

export interface EndToEndCase {
  readonly instances: number;
  readonly maxBatchSize: number;
  readonly connections: number;
}

const START_TIMEOUT_MS = 240_000;

/** Photos over HTTP to the real server, in a process of its own, and back. */
export async function measureEndToEnd(
  cases: readonly EndToEndCase[],
  seconds: number,
  gpuIndex: string | undefined,
  onRow: (row: EndToEndFigures) => void,
): Promise<readonly EndToEndFigures[]> {
  const { runTrial } =
    serverModule<typeof import('../../src/commands/tune/trial')>('commands/tune/trial');
  const directory = path.join(MODELS, 'efficientnet-lite0');
  const modelJson = await readFile(path.join(directory, 'model.json'), 'utf8');
  const images = await Promise.all((await photosOf('small')).map((photo) => readFile(photo)));
  const rows: EndToEndFigures[] = [];
  for (const { instances, maxBatchSize, connections } of cases) {
    const watch = gpuIndex === undefined ? undefined : new GpuWatch(gpuIndex);
    const result = await runTrial(
      {
        directory,
        name: 'efficientnet-lite0',
        modelJson,
        task: 'classify',
        load: { images, connections, warmUpMs: 1000, measureMs: seconds * 1000 },
        startTimeoutMs: START_TIMEOUT_MS,
      },
      { instances, threads: 0, maxBatchSize, maxQueueDelayMs: 0 },
    );
    const row = { instances, maxBatchSize, connections, ...result, gpu: await watch?.stop() };
    rows.push(row);
    onRow(row);
  }
  return rows;
}
