/**
 * `npm run bench:gpu`. Needs no load generator and no network: a built clone is enough.
 * Exit codes: 0 measured; 1 an error; 3 there is no GPU that TensorFlow can use.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { describeMachine } from '../machine';
import { ROOT } from '../paths';
import { serverModule } from '../server-code';
import { figure, markdownTable } from '../table';
import { measureEndToEnd, type EndToEndCase, type EndToEndFigures } from './end-to-end';
import { deviceInUse, measureBatches, type BatchFigures } from './model-runs';
import { gpuInfo } from './nvidia-smi';

const NO_GPU_EXIT_CODE = 3;

const HELP = `Usage: npm run bench:gpu -- [options]

Throughput and latency of the shipped classifier for each batch size, what of it is the way to the
device, what the GPU does meanwhile (nvidia-smi), and the rate from HTTP request to answer.

Options:
  --seconds N    length of one measurement (default 3)
  --batches a,b  batch sizes (default 1,2,4,8,16,32,64,128)
  --out DIR      where the results go (default bench/results)
  --on-cpu       measure the CPU, to try the suite out where there is no GPU
  --help         show this text

Exit codes: 0 measured, 1 an error, 3 there is no GPU that TensorFlow can use.
`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    batches: { type: 'string', default: '1,2,4,8,16,32,64,128' },
    out: { type: 'string', default: path.join(ROOT, 'bench/results') },
    'on-cpu': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const seconds = Number(values.seconds);
  const batches = values.batches.split(',').map(Number);
  if (!(seconds > 0) || !batches.every((batch) => Number.isInteger(batch) && batch > 0)) {
    throw new Error('--seconds and --batches take numbers above 0');
  }
  const gpuIndex = chooseDevice();
  if (gpuIndex === undefined && !values['on-cpu']) return;
  const info = gpuIndex === undefined ? undefined : await gpuInfo(gpuIndex);
  const say = (line: string): void => {
    console.error(line);
  };
  say('model runs by batch size');
  const runs = await measureBatches(batches, seconds, gpuIndex, (row) => {
    say(`  batch ${String(row.batch)}: ${figure(row.perSecond)} images/s`);
  });
  say('end to end');
  const served = await measureEndToEnd(casesFor(batches), seconds, gpuIndex, (row) => {
    say(
      `  ${String(row.instances)} × batch ${String(row.maxBatchSize)}, ${String(row.connections)} connections: ${figure(row.perSecond)} images/s`,
    );
  });
  const machine = describeMachine({
    generator: 'the suite itself, in a process of its own',
    measuredCores: cpus().length,
    apart: false,
  });
  const startedAt = new Date().toISOString();
  const device =
    info === undefined
      ? 'CPU, no GPU'
      : `${info.name}, ${String(info.memoryMib)} MiB, driver ${info.driver}, PCIe ${info.pcieGeneration} ×${info.pcieWidth}`;
  const text = [
    `# GPU benchmark of ${startedAt.slice(0, 16).replace('T', ' ')} UTC`,
    `${device}; ${machine.cpu}, ${String(machine.cores)} cores; Node ${machine.node}, TensorFlow ${machine.tensorflow}; commit ${machine.commit}.`,
    '## Model runs, efficientnet-lite0, float32',
    runsTable(runs),
    '“To device” is an estimate: half of what a model that hardly computes takes for as many bytes in and out.',
    '## End to end: JPEG over HTTP to answer',
    servedTable(served),
  ].join('\n\n');
  console.log(text);
  await mkdir(values.out, { recursive: true });
  const stem = path.join(values.out, `gpu-${startedAt.slice(0, 16).replace(':', '')}`);
  await writeFile(`${stem}.md`, `${text}\n`);
  await writeFile(
    `${stem}.json`,
    `${JSON.stringify({ startedAt, device: info, machine, runs, served }, null, 2)}\n`,
  );
}

/** @returns the GPU's index; undefined, with the exit code set and the reason said, when there is none */
function chooseDevice(): string | undefined {
  const { loadConfig } = serverModule<typeof import('../../src/config/load')>('config/load');
  const { serverSettings } =
    serverModule<typeof import('../../src/models/server-settings')>('models/server-settings');
  const { plan, place } = serverSettings(loadConfig({ args: [], env: process.env }), process.env);
  const [placement] = place({ instances: 1, threads: undefined, gpuMemoryMiB: undefined });
  // TensorFlow reads it when it is loaded into this process.
  Object.assign(process.env, placement?.env);
  const [gpu] = plan.gpus;
  const reason =
    gpu === undefined
      ? (plan.reason ?? 'no GPU was found')
      : deviceInUse() === 'gpu'
        ? undefined
        : 'TensorFlow sees no GPU although there is one; npm run doctor says more';
  if (gpu !== undefined && reason === undefined) return gpu.index ?? gpu.id;
  if (values['on-cpu']) return undefined;
  console.error(`There is no GPU to measure: ${reason ?? ''}.`);
  process.exitCode = NO_GPU_EXIT_CODE;
  return undefined;
}

/** As shipped, then batches as a GPU likes them; fewer connections than the queue takes. */
function casesFor(batches: readonly number[]): readonly EndToEndCase[] {
  const largest = Math.min(64, Math.max(...batches));
  return [
    { instances: 1, maxBatchSize: Math.min(8, largest), connections: 1 },
    { instances: 1, maxBatchSize: Math.min(8, largest), connections: 64 },
    { instances: 1, maxBatchSize: Math.min(32, largest), connections: 120 },
    { instances: 2, maxBatchSize: Math.min(32, largest), connections: 120 },
    { instances: 1, maxBatchSize: largest, connections: 120 },
  ];
}

function runsTable(runs: readonly BatchFigures[]): string {
  return markdownTable(
    [
      'Batch',
      'images/s',
      'p50 ms',
      'p99 ms',
      'to device ms',
      'of p50',
      'GPU busy %',
      'GPU MiB',
      'W',
    ],
    runs.map((row) => [
      String(row.batch),
      figure(row.perSecond),
      figure(row.p50Ms),
      figure(row.p99Ms),
      figure(row.toDeviceMs),
      `${((100 * row.toDeviceMs) / row.p50Ms).toFixed(0)}%`,
      figure(row.gpu?.utilisation),
      figure(row.gpu?.memoryMib),
      figure(row.gpu?.powerW),
    ]),
  );
}

function servedTable(served: readonly EndToEndFigures[]): string {
  return markdownTable(
    [
      'Instances × batch',
      'connections',
      'images/s',
      'p50 ms',
      'p99 ms',
      'failed',
      'GPU busy %',
      'GPU MiB',
      'W',
    ],
    served.map((row) => [
      `${String(row.instances)} × ${String(row.maxBatchSize)}`,
      String(row.connections),
      figure(row.perSecond),
      figure(row.p50Ms),
      figure(row.p99Ms),
      String(row.failed),
      figure(row.gpu?.utilisation),
      figure(row.gpu?.memoryMib),
      figure(row.gpu?.powerW),
    ]),
  );
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
