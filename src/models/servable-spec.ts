import type { DecodedFormat } from '../saved-model/decoded-inputs';
import { isBatchable, notCarried, type Signature, type Signatures } from '../kernel/tensor';
import type { BatchingOptions } from '../batching/batching-options';
import type { ImageInputSpec, ModelInputs } from '../tasks/inputs/model-inputs';
import { resolveInputs } from '../tasks/inputs/resolve-inputs';
import type { AnyTask } from '../tasks/task';
import { TASKS } from '../tasks/tasks';
import { batchSizesUpTo, type BatchSizeSteps } from './batch-sizes';
import { ModelConfigError, type ModelConfig } from './model-config';
import { resolveTask } from './resolve-task';

export interface ServableSpec {
  /** As in model.json. */
  readonly task: string;
  /** What answers images; undefined for models that are only asked for tensors. */
  readonly imageTask: AnyTask | undefined;
  /** What is known of the model for its task. */
  readonly settings: unknown;
  readonly signatureName: string;
  readonly signature: Signature;
  /** Undefined for models that take no image, or decode it themselves. */
  readonly image: ImageInputSpec | undefined;
  /** What it takes, by role. */
  readonly inputs: ModelInputs;
  /** The output that matters most. */
  readonly output: { readonly name: string };
  readonly labels: readonly string[] | undefined;
  /** Every tensor of the signature has a first dimension of any size, and model.json allows batches. */
  readonly batchable: boolean;
  readonly batching: BatchingOptions;
  readonly instances: number;
  /** Threads of one TensorFlow operation; undefined: as the server decides. */
  readonly threads: number | undefined;
  /** Bytes that one instance may take; undefined: no limit. */
  readonly maxInstanceMemory: number | undefined;
  /** MiB of a GPU's memory that one instance may take; undefined: no limit. */
  readonly gpuMemoryMiB: number | undefined;
  readonly warmup: {
    readonly enabled: boolean;
    readonly iterations: number;
    readonly sizes: readonly (readonly [number, number])[];
  };
  /** What model.json left open and the signature did not say, in sentences. */
  readonly assumptions: readonly string[];
}

/** What holds for models that do not say otherwise; depends on the device. */
export interface ServableDefaults {
  readonly maxBatchSize: number;
  readonly batchSizeSteps: BatchSizeSteps;
  readonly maxQueueDelayMs: number;
  readonly maxQueueSize: number;
  readonly queueTimeoutMs: number;
  readonly instances: number;
  /** See ServableSpec. */
  readonly maxInstanceMemory?: number | undefined;
  readonly gpuMemoryMiB?: number | undefined;
}

const WARMUP_SIDE = 64;

/** What is known of a model beside its signatures, where somebody looked. */
export interface KnownOfGraph {
  /** Operations that make outputs, by their `node`; see outputOperations. */
  readonly operations?: ReadonlyMap<string, string> | undefined;
  /** Formats that inputs of strings are decoded from, by input; see decodedInputs. */
  readonly decoded?: ReadonlyMap<string, readonly DecodedFormat[]> | undefined;
}

/**
 * Combines a model's configuration with its signature.
 * @param inputLabels that inputs have in files, by role
 * @throws ModelConfigError naming every contradiction
 */
export function resolveServable(
  config: ModelConfig,
  signatures: Signatures,
  labels: readonly string[] | undefined,
  defaults: ServableDefaults,
  { operations = new Map(), decoded }: KnownOfGraph = {},
  inputLabels: ReadonlyMap<string, readonly string[]> = new Map(),
): ServableSpec {
  const problems: string[] = [];
  const assumptions: string[] = [];
  const { name: signatureName, signature } = chooseSignature(config, signatures, assumptions);

  const notes = {
    problem: (text: string) => {
      problems.push(text);
    },
    assumption: (text: string) => {
      assumptions.push(text);
    },
  };
  const sources = {
    config,
    signature,
    labels: inputLabels,
    decoded,
    reserved: parametersOf(config),
  };
  const inputs = resolveInputs(sources, notes);
  const { image } = inputs;
  const resolved = resolveTask(config, { signature, image, inputs, labels }, operations, notes);
  for (const input of signature.inputs) {
    if (input.dtype === undefined) {
      problems.push(
        `signature "${signatureName}": ${notCarried('input', input)}; model.json.signature can name another`,
      );
    }
  }

  const batchable = isBatchable(signature) && config.batching !== false;
  const batching = resolveBatching(config, batchable, defaults, problems);
  if (problems.length > 0 || resolved === undefined) throw new ModelConfigError(problems);

  return {
    task: resolved.name,
    imageTask: resolved.task,
    settings: resolved.settings,
    signatureName,
    signature,
    image,
    inputs,
    output: { name: resolved.output },
    labels,
    batchable,
    batching,
    instances: config.instances ?? defaults.instances,
    threads: config.threads,
    maxInstanceMemory: config.maxInstanceMemory ?? defaults.maxInstanceMemory,
    gpuMemoryMiB: config.gpuMemoryMiB ?? defaults.gpuMemoryMiB,
    warmup: {
      enabled: config.warmup?.enabled ?? true,
      iterations: config.warmup?.iterations ?? 1,
      sizes: config.warmup?.sizes ?? defaultWarmupSizes(image),
    },
    assumptions,
  };
}

/** Parameters that requests for a model have already; of every task, where model.json names none. */
function parametersOf({ task }: ModelConfig): string[] {
  const tasks = TASKS.filter(({ name }) => task === undefined || name === task);
  return tasks.flatMap(({ parameters }) => Object.keys(parameters.shape));
}

const PREDICT_METHOD = 'tensorflow/serving/predict';

/** @throws ModelConfigError where model.json names one that there is not */
export function chooseSignature(
  config: ModelConfig,
  signatures: Signatures,
  assumptions: string[] = [],
): { name: string; signature: Signature } {
  const names = Object.keys(signatures).sort();
  const wanted = config.signature ?? 'serving_default';
  const exact = Object.hasOwn(signatures, wanted) ? signatures[wanted] : undefined;
  if (exact !== undefined) return { name: wanted, signature: exact };
  const quoted = names.map((name) => `"${name}"`).join(', ');
  const chosen =
    names.find((name) => signatures[name]?.methodName === PREDICT_METHOD) ?? names[0] ?? '';
  const signature = signatures[chosen];
  if (config.signature === undefined && signature !== undefined) {
    assumptions.push(
      names.length === 1
        ? `signature: "${chosen}", the only one there is`
        : `signature: "${chosen}" of ${quoted}, as there is no "serving_default"; model.json.signature can name another`,
    );
    return { name: chosen, signature };
  }
  throw new ModelConfigError([
    `model.json.signature: there is no signature "${wanted}"; the model has ${quoted}`,
  ]);
}

function resolveBatching(
  config: ModelConfig,
  batchable: boolean,
  defaults: ServableDefaults,
  problems: string[],
): ServableSpec['batching'] {
  const batching = config.batching === false ? {} : (config.batching ?? {});
  const largestAllowed = batching.allowedBatchSizes?.at(-1);
  const maxBatchSize = batchable
    ? (batching.maxBatchSize ?? largestAllowed ?? defaults.maxBatchSize)
    : 1;
  if (!batchable && (batching.maxBatchSize ?? 1) > 1) {
    problems.push(
      'model.json.batching.maxBatchSize: the first dimension is not open in every input and output, so the model cannot be batched',
    );
  }
  if (batchable && largestAllowed !== undefined && largestAllowed !== maxBatchSize) {
    problems.push(
      `model.json.batching.allowedBatchSizes: the last, ${largestAllowed}, must be maxBatchSize, ${maxBatchSize}`,
    );
  }
  return {
    maxBatchSize,
    allowedBatchSizes: batchable
      ? (batching.allowedBatchSizes ?? batchSizesUpTo(maxBatchSize, defaults.batchSizeSteps))
      : [1],
    maxQueueDelayMs: batching.maxQueueDelayMs ?? defaults.maxQueueDelayMs,
    maxQueueSize: batching.maxQueueSize ?? defaults.maxQueueSize,
    queueTimeoutMs: batching.queueTimeoutMs ?? defaults.queueTimeoutMs,
    batchable,
  };
}

function defaultWarmupSizes(image: ImageInputSpec | undefined): (readonly [number, number])[] {
  if (image?.size.kind !== 'dynamic') return [];
  const { minSize, maxSize, multipleOf } = image.size;
  const within = Math.min(Math.max(WARMUP_SIDE, minSize), maxSize);
  const side = Math.ceil(within / multipleOf) * multipleOf;
  return [[side, side]];
}
