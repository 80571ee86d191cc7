import { availableParallelism } from 'node:os';

import { z } from 'zod';

import { networkOptions, requireWholeTls } from './network-options';
import { defaultModelRepository } from './default-repository';

/**
 * Every option of the server. Descriptions and defaults feed --help and docs/configuration.md, so
 * there is one place to read and to change.
 */

const MIB = 1024 * 1024;
const MOST_IMAGING = 256;

/**
 * Two a core: the next image is there as soon as a thread is done with one. Measured on 2 cores: 3 to
 * 7 % more answers than with one a core.
 */
export const DEFAULT_IMAGING_CONCURRENCY = Math.min(MOST_IMAGING, 2 * availableParallelism());

const count = (min: number, max: number) => z.number().int().min(min).max(max);
const ms = (max = 86_400_000) => count(0, max);

const options = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for all'),
  port: count(0, 65_535).default(8080).describe('Port to listen on; 0 picks a free one'),
  modelRepository: z
    .string()
    .min(1)
    .default(defaultModelRepository)
    .describe(
      'Folder of models: <name>/<version>/saved_model.pb; default: ./saved_models or ./models, whichever there is, else the models of the package',
    ),
  models: z
    .array(z.string().min(1))
    .default([])
    .describe('Names of the models to serve; all in the repository when empty'),
  modelControl: z
    .enum(['none', 'explicit', 'poll'])
    .default('none')
    .describe(
      'none: look for new, changed and removed models at start and on SIGHUP; poll: regularly as well; explicit: `models` (all when empty) are loaded at the start, then models come and go by the model repository API alone',
    ),
  modelControlApi: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether there is a model repository API: /v2/repository/…'),
  page: z
    .boolean()
    .default(true)
    .describe('Whether there is a page at / that tries the models, and one at /docs for the API'),
  adminPort: count(0, 65_535)
    .optional()
    .describe('Port for the model repository API, which is then on no other; 0 picks a free one'),
  adminToken: z
    .string()
    .min(16, 'must have at least 16 characters')
    .regex(/^[!-~]+$/, 'must be printable ASCII without spaces')
    .optional()
    .describe(
      'Secret for the model repository API: `Authorization: Bearer …`; needed where `host` is not a loopback address. Best set by the variable or a file: other users see flags',
    ),
  ...networkOptions,
  pollIntervalMs: count(100, 86_400_000).default(5000).describe('Milliseconds between two looks'),

  instances: count(1, 64)
    .optional()
    .describe(
      'Instances of a model, each a process with its own copy; default: one for each GPU, or one for each CPU core up to 4',
    ),
  intraOpThreads: count(0, 1024)
    .optional()
    .describe(
      'Threads of one TensorFlow operation (TF_NUM_INTRAOP_THREADS) for models that do not say; default on the CPU: cores divided by the instances of the model',
    ),
  maxInstanceMemory: count(64 * MIB, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe(
      'Bytes of memory that one instance may take, for models that do not say; beyond, it is replaced and the request answered 507. Default: half of the memory of the cgroup or the machine',
    ),
  maxRunMemory: count(MIB, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe(
      'Bytes of memory that runs of all models may take at once on the CPU, beyond what loaded models hold: batches are cut to it, and runs wait for each other; a single run may take more. Default: a sixteenth of the memory of the cgroup or the machine',
    ),
  maxBatchSize: count(1, 4096)
    .optional()
    .describe('Rows in a batch for models that do not say; default 4 on the CPU, 32 on a GPU'),
  maxQueueDelayMs: ms(60_000)
    .default(0)
    .describe('Milliseconds a request may wait for company while an instance is idle'),
  maxQueueSize: count(1, 1_000_000)
    .default(256)
    .describe('Requests admitted and not yet in a batch, a model; more are answered 429'),
  queueTimeoutMs: count(1, 3_600_000)
    .default(30_000)
    .describe('Milliseconds in the queue after which a request is answered 504'),
  runTimeoutMs: count(1, 86_400_000)
    .default(60_000)
    .describe('Milliseconds a run may take before its instance is replaced'),
  loadTimeoutMs: count(1, 86_400_000)
    .default(300_000)
    .describe('Milliseconds an instance may take to load a model'),
  loadConcurrency: count(1, 64).default(2).describe('Model versions that load at the same time'),
  maxResidentMemory: count(64 * MIB, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe(
      'Bytes that models may have in memory, all together, before those that are loaded on demand give way to each other; default: three quarters of the memory of the cgroup or the machine',
    ),
  maxLoadRetries: count(0, 1_000_000)
    .default(5)
    .describe('How often a version that failed to load is tried again; 0: never'),
  loadRetryIntervalMs: count(1, 86_400_000)
    .default(60_000)
    .describe('Milliseconds before a version that failed to load is tried again'),
  livenessTimeoutMs: ms()
    .default(300_000)
    .describe(
      'Milliseconds that every loaded version may be without a working instance before /v2/health/live fails; 0: never',
    ),

  roundFloat64: z
    .enum(['never', 'json', 'always'])
    .default('json')
    .describe(
      'Where /v2 rounds floats to an input of a smaller type, such as FP64, which numpy makes, to FP32: in JSON, where the type is only a label; in binary tensors too; or never, when numbers that the type does not hold exactly are refused',
    ),
  optimize: z
    .boolean()
    .default(true)
    .describe(
      'Rewrite models so that they run faster: see docs/optimizer.md; a model.json can turn it off',
    ),
  optimizeTimeoutMs: count(1, 86_400_000)
    .default(300_000)
    .describe('Milliseconds that the rewrite of a model may take before it is served as it is'),
  cache: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder for rewritten models, and for what set-up downloads; default: $XDG_CACHE_HOME/tfjs-serving, else ~/.cache/tfjs-serving',
    ),
  cacheMaxBytes: count(0, Number.MAX_SAFE_INTEGER)
    .default(10_240 * MIB)
    .describe('Bytes of rewritten models that are kept; those not used the longest go first'),

  gpus: z
    .array(z.string().regex(/^(\d+|GPU-[\w-]+|MIG-[\w-]+)$/, 'must be an index or a GPU/MIG id'))
    .optional()
    .describe(
      'GPUs to use, by the index that nvidia-smi shows or by id (GPU-…, MIG-…); default: CUDA_VISIBLE_DEVICES, else the first. Instances go round them',
    ),
  gpuMemoryGrowth: z
    .boolean()
    .default(true)
    .describe('Take GPU memory as it is needed rather than all at the start'),
  gpuMemoryMiB: count(64, 10_000_000)
    .optional()
    .describe(
      "MiB of a GPU's memory that one instance may take, for models that do not say; default: no limit",
    ),

  imagingConcurrency: count(1, MOST_IMAGING)
    .default(DEFAULT_IMAGING_CONCURRENCY)
    .describe(
      'Images decoded or encoded at the same time, each in a thread; default: twice the number of cores',
    ),
  maxLargeImages: count(1, MOST_IMAGING)
    .optional()
    .describe(
      'Of these, how many may need more than 128 MiB to decode; default: a quarter of `imagingConcurrency`',
    ),
  maxPixels: count(1, 1_000_000_000)
    .default(50_000_000)
    .describe('Pixels of an image, read from its header before it is decoded'),
  maxImageSide: count(1, 1_000_000)
    .default(32_768)
    .describe('Pixels of the longer side of an image, read from its header'),
  maxOutputPixels: count(1, 1_000_000_000)
    .default(100_000_000)
    .describe(
      'Pixels of an answer that is made of tiles; 3 bytes of memory each until it is encoded',
    ),
  decodeTimeoutS: count(0, 3600)
    .default(10)
    .describe('Seconds that decoding an image may take; 0: any time'),
  background: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, 'must be a colour such as #ffffff')
    .default('#ffffff')
    .describe('Colour that transparent images are laid on'),
  applyIcc: z
    .boolean()
    .default(false)
    .describe('Convert embedded colour profiles to sRGB: about three times the decoding time'),

  maxBodyBytes: count(1024, 2 ** 31)
    .default(64 * MIB)
    .describe('Bytes of a request body'),
  maxFileBytes: count(1024, 2 ** 31)
    .default(32 * MIB)
    .describe('Bytes of one image'),
  maxFiles: count(1, 10_000).default(64).describe('Images in one request'),
  maxPictures: count(1, 4096)
    .default(16)
    .describe('Pictures that one request may have made from parameters (`n` of image-generation)'),
  maxInFlightRequests: count(1, 100_000)
    .default(512)
    .describe('Inference requests being worked on at once, from the last byte of their bodies on'),
  maxBytesInFlight: count(1024 * 1024, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe(
      'Bytes that all requests together may hold: bodies being read or inflated, pictures being decoded, tensors; more are answered 429. Default: a quarter of the memory of the cgroup or the machine',
    ),
  maxUploads: count(1, 100_000)
    .default(2048)
    .describe(
      'Bodies being read at once, at most half of them from one address; beyond, the slowest gives way to a newcomer',
    ),
  minUploadBytesPerSecond: count(0, 1_000_000)
    .default(1024)
    .describe('Bytes per second that a body must bring, measured over `uploadGraceMs`; else 408'),
  uploadGraceMs: count(100, 600_000)
    .default(5000)
    .describe('Milliseconds in which a body may come slowly'),
  requestTimeoutMs: ms()
    .default(60_000)
    .describe('Milliseconds a client may take to send a request'),
  keepAliveTimeoutMs: ms().default(75_000).describe('Milliseconds an idle connection stays open'),
  drainDelayMs: ms()
    .default(3000)
    .describe(
      'Milliseconds after SIGTERM in which the server is not ready but still serves; none after SIGINT',
    ),
  drainTimeoutMs: ms()
    .default(30_000)
    .describe('Milliseconds after which unfinished work is dropped'),

  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least important log lines that are written'),
  logFormat: z
    .enum(['auto', 'json', 'pretty'])
    .default('auto')
    .describe(
      'auto: on a terminal a few lines for a person (pretty at level debug), JSON lines otherwise; pretty: every line, coloured',
    ),
});

export const configSchema = options.superRefine(requireWholeTls);

export type Config = z.infer<typeof configSchema>;
export type OptionName = keyof Config;

/** How an option is written as text. */
type OptionKind = 'text' | 'number' | 'boolean' | 'list';

export interface OptionDoc {
  readonly name: OptionName;
  /** `--max-batch-size` */
  readonly flag: string;
  /** `TFJS_SERVING_MAX_BATCH_SIZE`; `HOST` and `PORT` as every platform sets them. */
  readonly env: string;
  readonly kind: OptionKind;
  readonly description: string;
  /** Values an option may have, for those that choose. */
  readonly choices: readonly string[];
  /** Its value is never shown. */
  readonly secret: boolean;
  /** As text; undefined when it depends on the machine. */
  readonly defaultText: string | undefined;
}

/** Options whose default is the machine's, so that documents do not change with it. */
const MACHINE_DEFAULTS: readonly OptionName[] = ['imagingConcurrency', 'modelRepository'];
const SECRETS: readonly OptionName[] = ['adminToken', 'apiKeys'];
/**
 * No TFJS_SERVING_PORT: Kubernetes sets that, to something else, in every pod beside a service of
 * the name tfjs-serving.
 */
const PLAIN_ENV: Partial<Record<OptionName, string>> = { host: 'HOST', port: 'PORT' };

/** The options in order, for --help, the documents and the parsers. */
export const OPTIONS: readonly OptionDoc[] = (
  Object.entries(configSchema.shape) as [OptionName, z.ZodType][]
).map(([name, schema]) => {
  const kebab = kebabCase(name);
  const inner = unwrap(schema);
  return {
    name,
    flag: `--${kebab}`,
    env: PLAIN_ENV[name] ?? `TFJS_SERVING_${kebab.toUpperCase().replaceAll('-', '_')}`,
    kind: kindOf(inner),
    description: schema.description ?? '',
    secret: SECRETS.includes(name),
    choices: inner instanceof z.ZodEnum ? inner.options.map(String) : [],
    defaultText:
      schema instanceof z.ZodDefault && !MACHINE_DEFAULTS.includes(name)
        ? textOf(schema.def.defaultValue)
        : undefined,
  };
});

function kebabCase(name: string): string {
  // A unit is one word.
  const words = name.replace('MiB', 'Mib');
  return words.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function unwrap(schema: unknown): unknown {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodOptional
    ? unwrap(schema.def.innerType)
    : schema;
}

function kindOf(schema: unknown): OptionKind {
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodBoolean) return 'boolean';
  if (schema instanceof z.ZodArray) return 'list';
  return 'text';
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}
