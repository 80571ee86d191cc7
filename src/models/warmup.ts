import { assembleBatch } from '../batching/assemble';
import { messageOf } from '../kernel/errors';
import { RunFailedError } from '../kernel/run-failed-error';
import type { Instance } from '../runtime/instance';
import { typedArrayOver, bytesPerElement } from '../kernel/element-types';
import { elementCount, type Signature, type Tensor, type TensorSpec } from '../kernel/tensor';
import { defaultOutputs, type ImageGraph } from './image-graph';
import { probe } from './probe';
import type { ImageInputSpec } from '../tasks/inputs/model-inputs';
import { sampleInputs } from '../tasks/inputs/sample-inputs';
import type { ServableSpec } from './servable-spec';

/** A run that was made to warm an instance up. */
export interface WarmupRun {
  readonly signature: string;
  readonly inputs: readonly Tensor[];
  /** Names of the outputs that were fetched; all when undefined. */
  readonly outputs: readonly string[] | undefined;
}

/** What an instance is made ready for. */
export interface Warmth {
  readonly spec: ServableSpec;
  /** How images run when more than the network is in the graph. */
  readonly imageGraph: ImageGraph | undefined;
  /** Rows that batches will have. */
  readonly sizes: readonly number[];
}

/**
 * Runs an instance before it serves, as requests will run it. Where images have a signature of their
 * own, the one for tensors is only prepared, with the smallest batch. Where no input is known to be valid,
 * the model is run on made-up ones.
 * @param onRun told of each run and the bytes of memory that it took; undefined where nobody can tell
 * @throws Error when a run fails
 */
export async function warm(
  instance: Pick<Instance, 'run'>,
  warmth: Warmth,
  onRun?: (run: WarmupRun, takenBytes: number | undefined) => void,
): Promise<void> {
  try {
    let ran = false;
    for (const run of warmupRuns(warmth)) {
      const { inputs, ...rest } = run;
      try {
        const { peakBytes } = await instance.run({ ...rest, inputs: () => inputs, measure: true });
        onRun?.(run, peakBytes);
      } catch (thrown) {
        // A text or a number was made up, and only the model knows what is valid.
        if (!isMadeUp(warmth.spec) || !(thrown instanceof RunFailedError)) throw thrown;
        if (!thrown.inputRefused) throw thrown;
        return;
      }
      ran = true;
    }
    const { spec } = warmth;
    if (!ran && spec.warmup.enabled) await probe(instance, spec.signatureName, spec.signature);
  } catch (cause) {
    throw new Error(`the warm-up failed: ${messageOf(cause)}`, { cause });
  }
}

function isMadeUp({ inputs: { more, encoded } }: ServableSpec): boolean {
  return more.length > 0 || encoded !== undefined;
}

function* warmupRuns({ spec, imageGraph, sizes }: Warmth): Generator<WarmupRun> {
  if (imageGraph !== undefined) {
    const { signatureName: signature } = imageGraph;
    const outputs = defaultOutputs(imageGraph, spec);
    for (const inputs of warmupInputs(spec, imageGraph, sizes))
      yield { signature, inputs, outputs };
  }
  const warmed = imageGraph === undefined ? sizes : sizes.slice(0, 1);
  for (const inputs of warmupInputs(spec, spec, warmed)) {
    yield { signature: spec.signatureName, inputs, outputs: undefined };
  }
}

/** What is warmed: a signature of a servable and the image that it takes. */
export interface Warmed {
  readonly signature: Signature;
  readonly image: ImageInputSpec | undefined;
}

/**
 * The inputs that make every shape a servable will meet known to TensorFlow, one run at a time:
 * all together they would fill memory. None when a shape cannot be told from the signature, or when it
 * takes strings, of which only the model knows what is valid: such a model starts cold.
 */
export function* warmupInputs(
  spec: ServableSpec,
  warmed: Warmed = spec,
  batchSizes = spec.batching.allowedBatchSizes,
): Generator<Tensor[]> {
  if (!spec.warmup.enabled) return;
  const sizes = spec.warmup.sizes.length > 0 ? spec.warmup.sizes : [undefined];
  for (const rows of batchSizes) {
    for (const size of sizes) {
      const inputs = inputsOf(spec, warmed, rows, size);
      if (inputs === undefined) return;
      for (let i = 0; i < spec.warmup.iterations; i++) yield inputs;
    }
  }
}

/** Undefined where nothing can be made up for one of them. */
function inputsOf(
  spec: ServableSpec,
  warmed: Warmed,
  rows: number,
  size: readonly [number, number] | undefined,
): Tensor[] | undefined {
  const samples = sampleInputs(spec.inputs);
  const inputs = warmed.signature.inputs.map((input) => {
    const sample = samples.get(input.name);
    if (sample !== undefined) return spec.batchable ? repeated(sample, rows) : sample;
    const side = spec.inputs.more.find(({ inputName }) => inputName === input.name);
    const image = side?.kind === 'image' ? side.spec : warmed.image;
    return zeros(input, rows, { image, batchable: spec.batchable }, size);
  });
  const complete = inputs.filter((input) => input !== undefined);
  return complete.length < inputs.length ? undefined : complete;
}

function repeated(sample: Tensor, rows: number): Tensor {
  const [tensor] = assembleBatch([[sample]], rows, (bytes) => new Uint8Array(bytes));
  return tensor ?? sample;
}

function zeros(
  input: TensorSpec,
  rows: number,
  spec: Pick<Warmed, 'image'> & { readonly batchable: boolean },
  size: readonly [number, number] | undefined,
): Tensor | undefined {
  const { name, dtype } = input;
  if (dtype === undefined || dtype === 'string' || input.shape === undefined) return undefined;
  const shape = [...input.shape];
  if (spec.batchable) shape[0] = rows;
  else if (shape[0] === -1) shape[0] = 1;
  if (spec.image?.inputName === name && shape.length === 4) {
    const [heightAt, widthAt] = spec.image.layout === 'NHWC' ? [1, 2] : [2, 3];
    const [width, height] =
      spec.image.size.kind === 'fixed'
        ? [spec.image.size.width, spec.image.size.height]
        : (size ?? [-1, -1]);
    shape[heightAt] = height;
    shape[widthAt] = width;
    const channelsAt = spec.image.layout === 'NHWC' ? 3 : 1;
    if (shape[channelsAt] === -1) shape[channelsAt] = spec.image.colorOrder === 'grayscale' ? 1 : 3;
  }
  if (shape.some((side) => side < 0)) return undefined;
  const elements = elementCount(shape);
  const buffer = new ArrayBuffer(elements * bytesPerElement(dtype));
  return { name, dtype, shape, data: typedArrayOver(dtype, buffer, 0, elements) };
}
