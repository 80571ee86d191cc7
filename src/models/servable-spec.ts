import type { DType } from '../kernel/element-types';
import type { Signature, Signatures, TensorSpec } from '../kernel/tensor';
import { formatShape, isAnswerable, isBatchable, notCarried } from '../kernel/tensor';
import type { BatchingOptions } from '../batching/batching-options';
import { isTensorFlowKernel } from '../imaging/preprocess-spec';
import { channelsOf } from '../tasks/image-shape';
import { describeTensors } from '../tasks/output-names';
import type { AnyTask, ImageInputSpec } from '../tasks/task';
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
  /** Undefined for models that take no image. */
  readonly image: ImageInputSpec | undefined;
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

const IMAGE_DTYPES: readonly (DType | undefined)[] = ['float32', 'uint8', 'int32'];
const DYNAMIC_DEFAULTS = { minSize: 1, maxSize: 2048, multipleOf: 1 };
const WARMUP_SIDE = 64;

/**
 * Combines a model's configuration with its signature.
 * @param operations that make outputs, by their `node`, where known; see outputOperations
 * @throws ModelConfigError naming every contradiction
 */
export function resolveServable(
  config: ModelConfig,
  signatures: Signatures,
  labels: readonly string[] | undefined,
  defaults: ServableDefaults,
  operations: ReadonlyMap<string, string> = new Map(),
): ServableSpec {
  const problems: string[] = [];
  const assumptions: string[] = [];
  const { name: signatureName, signature } = chooseSignature(config, signatures, assumptions);

  const image = resolveImage(config, signature, problems, assumptions);
  const notes = {
    problem: (text: string) => {
      problems.push(text);
    },
    assumption: (text: string) => {
      assumptions.push(text);
    },
  };
  const resolved = resolveTask(config, { signature, image, labels }, operations, notes);
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

const PREDICT_METHOD = 'tensorflow/serving/predict';

function chooseSignature(
  config: ModelConfig,
  signatures: Signatures,
  assumptions: string[],
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

function chooseTensor(
  wanted: string | undefined,
  specs: readonly TensorSpec[],
  where: string,
  problems: string[],
): TensorSpec {
  const found =
    wanted === undefined
      ? (specs.find(isAnswerable) ?? specs[0])
      : specs.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  problems.push(
    `${where}: there is no tensor "${wanted ?? ''}"; the signature has ${describeTensors(specs)}`,
  );
  throw new ModelConfigError(problems);
}

function resolveImage(
  config: ModelConfig,
  signature: Signature,
  problems: string[],
  assumptions: string[],
): ServableSpec['image'] {
  const { input = {} } = config;
  const [first] = signature.inputs;
  const looksLikeImage =
    signature.inputs.length === 1 &&
    first !== undefined &&
    first.shape?.length === 4 &&
    IMAGE_DTYPES.includes(first.dtype) &&
    channelsOf(first.shape) !== undefined;
  if (config.input === undefined && !looksLikeImage) return undefined;
  if (config.task === 'tensor' && config.input === undefined) return undefined;

  const spec = chooseTensor(input.name, signature.inputs, 'model.json.input.name', problems);
  if (signature.inputs.length > 1) {
    problems.push(
      `an image model takes one input, and the signature has ${describeTensors(signature.inputs)}`,
    );
  }
  const { dtype, shape } = spec;
  if (dtype !== 'float32' && dtype !== 'uint8' && dtype !== 'int32') {
    problems.push(
      `input "${spec.name}" is ${spec.tfDtype}; images become DT_FLOAT, DT_UINT8 or DT_INT32`,
    );
    return undefined;
  }
  if (shape !== undefined && shape.length !== 4) {
    problems.push(
      `input "${spec.name}" has shape ${formatShape(shape)}; an image batch has 4 dimensions`,
    );
    return undefined;
  }
  const found = channelsOf(shape);
  const layout = input.layout ?? found?.layout ?? 'NHWC';
  const [heightAt, widthAt, channelsAt] = layout === 'NHWC' ? [1, 2, 3] : [2, 3, 1];
  const channelCount = shape?.[channelsAt] ?? -1;
  const colorOrder = input.colorOrder ?? (channelCount === 1 ? 'grayscale' : 'rgb');
  const channels = colorOrder === 'grayscale' ? 1 : 3;
  if (channelCount > 0 && channelCount !== channels) {
    problems.push(
      `model.json.input: ${colorOrder} in ${layout} gives ${channels} channels, and input "${spec.name}" has shape ${formatShape(shape)}`,
    );
  }
  if (
    typeof input.normalization === 'object' &&
    ![1, channels].includes(input.normalization.mean.length)
  ) {
    problems.push(`model.json.input.normalization: mean and std need 1 or ${channels} values`);
  }
  const normalization = input.normalization ?? (dtype === 'float32' ? 'zero-to-one' : 'none');
  if (input.normalization === undefined && dtype === 'float32') {
    assumptions.push('input.normalization: zero-to-one (pixel values divided by 255)');
  }
  if (dtype === 'uint8' && normalization !== 'none') {
    problems.push(
      `model.json.input.normalization: input "${spec.name}" is DT_UINT8 and takes pixels as they are ("none")`,
    );
  }
  const kernel = input.kernel ?? 'cubic';
  const wholeDecode = isTensorFlowKernel(kernel);
  if (wholeDecode && input.shrinkOnLoad === true) {
    problems.push(
      `model.json.input.shrinkOnLoad: ${kernel} looks at the pixels of the whole picture: leave it out, or choose another kernel`,
    );
  }
  return {
    inputName: spec.name,
    size: resolveSize(
      config,
      spec,
      shape?.[widthAt] ?? -1,
      shape?.[heightAt] ?? -1,
      problems,
      assumptions,
    ),
    fit: input.fit ?? 'cover',
    padColor: input.padColor ?? '#000000',
    shrinkOnLoad: input.shrinkOnLoad ?? !wholeDecode,
    kernel,
    cropFraction: input.cropFraction ?? 1,
    colorOrder,
    layout,
    dtype,
    normalization,
  };
}

function resolveSize(
  config: ModelConfig,
  spec: TensorSpec,
  width: number,
  height: number,
  problems: string[],
  assumptions: string[],
): ImageInputSpec['size'] {
  const { input = {} } = config;
  for (const [key, fixed] of [['width', width] as const, ['height', height] as const]) {
    const wanted = input[key];
    if (wanted !== undefined && fixed > 0 && wanted !== fixed) {
      problems.push(
        `model.json.input.${key}: ${wanted}, and input "${spec.name}" has shape ${formatShape(spec.shape)}`,
      );
    }
  }
  const fixedWidth = input.width ?? (width > 0 ? width : undefined);
  const fixedHeight = input.height ?? (height > 0 ? height : undefined);
  if (input.dynamic !== undefined) {
    if (fixedWidth !== undefined || fixedHeight !== undefined) {
      problems.push(
        `model.json.input.dynamic: the size is fixed${(input.width ?? input.height) ? ' by width or height' : ` in the signature, ${formatShape(spec.shape)}`}`,
      );
    }
    return { kind: 'dynamic', ...input.dynamic };
  }
  if (fixedWidth !== undefined && fixedHeight !== undefined) {
    return { kind: 'fixed', width: fixedWidth, height: fixedHeight };
  }
  if (fixedWidth !== undefined || fixedHeight !== undefined) {
    problems.push('model.json.input: give both width and height, or neither');
  }
  assumptions.push(
    `input size: any from ${DYNAMIC_DEFAULTS.minSize} to ${DYNAMIC_DEFAULTS.maxSize} pixels a side, as the signature has ${formatShape(spec.shape)}`,
  );
  return { kind: 'dynamic', ...DYNAMIC_DEFAULTS };
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
