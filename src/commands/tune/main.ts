/** `tfjs-serving tune`: measures a few settings of a model on this machine and keeps the best. */
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';

import { Command, InvalidArgumentError } from 'commander';

import { loadConfig } from '../../config/load';
import { messageOf } from '../../kernel/errors';
import { encodeImage } from '../../imaging/encode';
import { findModel, inspectVersion } from '../../models/inspect-model';
import type { ServableSpec } from '../../models/servable-spec';
import { serverSettings } from '../../models/server-settings';
import { defaultThreads } from '../../runtime/devices';
import { candidateLines } from './choose';
import { readModelJson, replaceFile, withSettings } from './model-json';
import { searchSettings } from './search';
import { settingsKey, type TuneMachine, type TuneSettings } from './settings';
import { runTrial } from './trial';

interface TuneOptions {
  readonly model: string;
  readonly modelRepository?: string;
  readonly images?: string;
  readonly connections?: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly maxP99Ms?: number;
  readonly dryRun?: true;
}

interface Subject {
  readonly directory: string;
  readonly modelJson: string | undefined;
  readonly spec: ServableSpec;
  readonly machine: TuneMachine;
  readonly current: TuneSettings;
}

const START_TIMEOUT_MS = 300_000;
const WARM_UP_MS = 1000;
/** Enough to fill the batches of every candidate, and fewer than any queue takes. */
const CONNECTIONS = { cpu: 32, gpu: 200 } as const;
const PHOTO = { width: 640, height: 480, channels: 3 } as const;

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

const EXAMPLES = `
Examples:
  # Instances, threads, batch size and delay, measured with photos of your own
  tfjs-serving tune --model efficientnet-lite0 --images photos

  # Only settings that answer 99 of 100 requests within 50 ms; nothing is written
  tfjs-serving tune --model efficientnet-lite0 --max-p99-ms 50 --dry-run`;

function createCommand(): Command {
  return new Command('tfjs-serving tune')
    .description(
      'Measures a few settings of a model on this machine and writes the best into its model.json',
    )
    .requiredOption('--model <name>', 'the model')
    .option('--model-repository <folder>', 'model repository; default as for tfjs-serving serve')
    .option('--images <folder>', 'images to send; default: one of 640 × 480 made for the purpose')
    .option('--connections <number>', 'requests in flight; default 32, with a GPU 200', positive)
    .option('--seconds <number>', 'length of one measurement', positive, 3)
    .option('--rounds <number>', 'how often each setting is measured', positive, 3)
    .option('--max-p99-ms <number>', 'leave out settings slower than this', positive)
    .option('--dry-run', 'print what would be written, and write nothing')
    .addHelpText('after', EXAMPLES);
}

async function main(): Promise<void> {
  const options = createCommand().parse().opts<TuneOptions>();
  const subject = await examine(options);
  const { directory, modelJson, spec, machine, current } = subject;
  if (spec.image === undefined) {
    throw new Error(`${options.model} takes no image; there is nothing to send to it`);
  }
  const images = await imagesFrom(options.images);
  console.log(`${options.model} on the ${machine.device.toUpperCase()}, ${machine.cores} cores`);
  console.log(`now: ${settingsKey(current)}`);
  const best = await searchSettings({
    machine,
    current,
    rounds: Math.ceil(options.rounds),
    ...(options.maxP99Ms === undefined ? {} : { maxP99Ms: options.maxP99Ms }),
    measure: (settings) =>
      runTrial(
        {
          directory,
          name: options.model,
          modelJson,
          task: spec.task === 'image-classification' ? 'classify' : 'generate',
          load: {
            images,
            connections: connectionsOf(options, machine, spec),
            warmUpMs: WARM_UP_MS,
            measureMs: options.seconds * 1000,
          },
          startTimeoutMs: START_TIMEOUT_MS,
        },
        settings,
      ),
    onStep: (step, candidates, chosen) => {
      console.log(`\n${step}`);
      for (const line of candidateLines(candidates, chosen)) console.log(line);
    },
    onProblem: (settings, reason) => {
      console.error(`left out: ${settingsKey(settings)}: ${reason}`);
    },
  });
  console.log(`\nbest: ${settingsKey(best)}`);
  await keep(options, subject, best);
}

/** No more than the queue takes: what is refused would only be sent again. */
function connectionsOf(
  { connections }: TuneOptions,
  { device }: TuneMachine,
  { batching }: ServableSpec,
): number {
  return Math.min(Math.ceil(connections ?? CONNECTIONS[device]), batching.maxQueueSize);
}

/** What there is to tune, and how it is set now. */
async function examine({ model: name, modelRepository }: TuneOptions): Promise<Subject> {
  const config = loadConfig({
    args: modelRepository === undefined ? [] : ['--model-repository', modelRepository],
    env: process.env,
  });
  const model = await findModel(config.modelRepository, name);
  const version = model.versions.at(-1);
  if (version === undefined) throw new Error(`${name} has no version`);
  const { plan, defaults } = serverSettings(config, process.env);
  const { spec } = await inspectVersion(model, version, defaults);
  return {
    directory: model.directory,
    modelJson: await readModelJson(path.join(model.directory, 'model.json')),
    spec,
    machine: {
      device: plan.device,
      cores: availableParallelism(),
      gpus: plan.gpus.length,
      batchable: spec.batchable,
    },
    current: {
      instances: spec.instances,
      threads: spec.threads ?? config.intraOpThreads ?? defaultThreads(plan, spec.instances) ?? 0,
      maxBatchSize: spec.batching.maxBatchSize,
      maxQueueDelayMs: spec.batching.maxQueueDelayMs,
    },
  };
}

async function keep(
  { dryRun }: TuneOptions,
  { directory, modelJson, current }: Subject,
  best: TuneSettings,
): Promise<void> {
  const file = path.join(directory, 'model.json');
  const text = withSettings(modelJson, best);
  if (settingsKey(best) === settingsKey(current)) {
    console.log(`nothing tried is better by more than the noise: ${file} stays as it is`);
  } else if (dryRun === true) {
    console.log(`--dry-run: ${file} would become\n${text}`);
  } else {
    await replaceFile(file, text);
    console.log(`written: ${file}`);
  }
}

async function imagesFrom(folder: string | undefined): Promise<readonly Buffer[]> {
  if (folder === undefined) return [await madeUpPhoto()];
  const names = (await readdir(folder)).filter((name) =>
    /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i.test(name),
  );
  if (names.length === 0) throw new Error(`there is no image in ${folder}`);
  // More would only fill memory.
  return Promise.all(names.slice(0, 64).map((name) => readFile(path.join(folder, name))));
}

/** Slopes with grain: about as many bytes as a photo of this size has. */
function madeUpPhoto(): Promise<Buffer> {
  const { width, height, channels } = PHOTO;
  let state = 1;
  const pixels = Uint8Array.from({ length: width * height * channels }, (_, index) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    const column = Math.floor(index / channels) % width;
    return 64 + (128 * column) / width + (state / 2 ** 31) * 16;
  });
  return encodeImage(pixels, PHOTO, { format: 'jpeg' });
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
