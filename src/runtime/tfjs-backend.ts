import { eachByteString, joinByteStrings } from '../kernel/byte-strings';
import {
  isByteStrings,
  type DType,
  type NumericData,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from '../kernel/tensor';
import { readSignaturesSync } from '../saved-model/signatures';
import type { Backend, DeviceKind, LoadedModel } from './backend';
import { sessionConfig } from './config-proto';
import type { SharedLane } from './shared-lane';
import { nativeModule } from './system';
import { bytesOf, toWire, type WireTensor } from './wire-tensor';

/** The native binding inside @tensorflow/tfjs-node-gpu, as far as serving needs it. */
interface Binding {
  readonly TF_Version: string;
  createTensor(shape: number[], dtype: number, data: unknown): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): NumericData | Uint8Array[];
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(
    id: number,
    tensors: number[],
    inputs: string,
    outputs: string,
  ): { id: number; shape: number[]; dtype: number }[];
  isUsingGpuDevice(): boolean;
  /** Added by set-up, as are those below. */
  trimMemory(): void;
  /** @param bytes a serialised ConfigProto, for the sessions loaded from then on */
  setSessionConfig(bytes: Uint8Array): void;
  /** @param target of just the size of the tensor */
  copyTensorData(id: number, target: Uint8Array): void;
}

/** TF_DataType numbers of TensorFlow's C API. */
const TYPE_NUMBERS: Readonly<Record<DType, number>> = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
};

interface Result {
  readonly id: number;
  readonly spec: TensorSpec & { readonly dtype: DType };
  readonly shape: readonly number[];
}

/**
 * TensorFlow.js's native binding, without the rest of TensorFlow.js: `tf.tensor` and
 * `TFSavedModel.predict` copy uint8 and int64 inputs an element at a time and refuse models that have
 * one signature of another type, and the package takes 30 MB in every process. For the processes of
 * instances and of the rewriter; the HTTP process never loads it.
 */
export class TfjsBackend implements Backend {
  readonly tensorflowVersion: string;
  readonly device: DeviceKind;
  readonly #binding: Binding;

  constructor() {
    this.#binding = nativeModule('tfjs_binding.node') as Binding;
    this.tensorflowVersion = this.#binding.TF_Version;
    this.device = this.#binding.isUsingGpuDevice() ? 'gpu' : 'cpu';
    this.#binding.setSessionConfig(sessionConfig());
  }

  /**
   * Gives memory that was freed back to the operating system: the C library keeps what loading a model
   * and its first runs need for a moment. Takes milliseconds.
   */
  trimMemory(): void {
    this.#binding.trimMemory();
  }

  loadModel(directory: string): LoadedModel {
    const info = readSignaturesSync(directory);
    const binding = this.#binding;
    const session = binding.loadSavedModel(directory, info.tags.join(','));
    const run = <T>(
      name: string,
      inputs: readonly Tensor[],
      outputNames: readonly string[] | undefined,
      take: (results: readonly Result[], inferMs: number) => T,
    ): T => {
      const signature = info.signatures[name];
      if (signature === undefined) throw new Error(`no signature "${name}"`);
      const outputs =
        outputNames === undefined
          ? signature.outputs
          : outputNames.map((output) => specNamed(signature.outputs, output));
      return runSession(binding, session, signature.inputs, inputs, outputs, take);
    };
    return {
      signatures: info.signatures,
      run: (name, inputs, outputNames) =>
        run(name, inputs, outputNames, (results) =>
          results.map(({ id, spec, shape }) => {
            const data = binding.tensorDataSync(id);
            return {
              name: spec.name,
              dtype: spec.dtype,
              shape,
              data: Array.isArray(data) ? joinByteStrings(data) : data,
            };
          }),
        ),
      runInto: (name, inputs, outputNames, lane) =>
        run(name, inputs, outputNames, (results, inferMs) => ({
          outputs: results.map((result) => copyResult(binding, result, lane)),
          inferMs,
        })),
      dispose: () => {
        binding.deleteSavedModel(session);
      },
    };
  }
}

function runSession<T>(
  binding: Binding,
  session: number,
  inputSpecs: readonly TensorSpec[],
  inputs: readonly Tensor[],
  outputs: readonly TensorSpec[],
  take: (results: readonly Result[], inferMs: number) => T,
): T {
  const uncarried = outputs.find((output) => output.dtype === undefined);
  if (uncarried !== undefined) {
    // Before the run, which would be in vain.
    throw new Error(`output "${uncarried.name}" is ${uncarried.tfDtype}, which cannot be carried`);
  }
  const ids: number[] = [];
  const started = performance.now();
  try {
    for (const input of inputs) {
      ids.push(
        binding.createTensor([...input.shape], TYPE_NUMBERS[input.dtype], nativeData(input.data)),
      );
    }
    const results = binding.runSavedModel(
      session,
      ids,
      inputs.map((input) => specNamed(inputSpecs, input.name).node).join(','),
      outputs.map((output) => output.node).join(','),
    );
    ids.push(...results.map(({ id }) => id));
    const named = outputs.flatMap((spec, index): Result[] => {
      const result = results[index];
      const { dtype } = spec;
      if (result === undefined || dtype === undefined) return [];
      return [{ id: result.id, spec: { ...spec, dtype }, shape: result.shape }];
    });
    return take(named, performance.now() - started);
  } finally {
    // The arrays are shared with TensorFlow until here; afterwards they may be used again.
    for (const id of ids) binding.deleteTensor(id);
  }
}

/** One copy, from TensorFlow's memory to where the server reads it. */
function copyResult(binding: Binding, { id, spec, shape }: Result, lane: SharedLane): WireTensor {
  const { name, dtype } = spec;
  const data = dtype === 'string' ? binding.tensorDataSync(id) : undefined;
  if (dtype === 'string') {
    const strings = joinByteStrings(Array.isArray(data) ? data : []);
    return toWire({ name, dtype, shape, data: strings }, lane);
  }
  const target = lane.allocate(bytesOf(dtype, shape));
  binding.copyTensorData(id, target);
  return { name, dtype, shape, offset: target.byteOffset, bytes: target.byteLength };
}

function specNamed(specs: readonly TensorSpec[], name: string): TensorSpec {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) throw new Error(`no tensor "${name}" in the signature`);
  return spec;
}

/** The binding takes int64 as pairs of int32, and strings as a list. */
function nativeData(data: TensorData): unknown {
  if (isByteStrings(data)) return [...eachByteString(data)];
  return data instanceof BigInt64Array
    ? new Int32Array(data.buffer, data.byteOffset, data.length * 2)
    : data;
}
