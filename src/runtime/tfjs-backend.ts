import { eachByteString, joinByteStrings } from '../kernel/byte-strings';
import { typedArrayOf, type DType } from '../kernel/element-types';
import {
  elementCount,
  isByteStrings,
  notCarried,
  type Tensor,
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
  /** Of a tensor of strings. */
  tensorDataSync(id: number): Uint8Array[];
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
  float64: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  uint16: 17,
  complex128: 18,
  float16: 19,
  uint32: 22,
  uint64: 23,
};

/** A tensor of TensorFlow's, or an input that is an output as well, which TensorFlow does not fetch. */
type Source = { readonly id: number } | { readonly fed: Tensor };

type Result = Source & {
  readonly spec: TensorSpec & { readonly dtype: DType };
  readonly shape: readonly number[];
};

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
          ? signature.outputs.filter(({ dtype }) => dtype !== undefined)
          : outputNames.map((output) => specNamed(signature.outputs, output));
      return runSession(binding, session, signature.inputs, inputs, outputs, take);
    };
    return {
      signatures: info.signatures,
      run: (name, inputs, outputNames) =>
        run(name, inputs, outputNames, (results) =>
          results.map((result) => readResult(binding, result)),
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
    throw new Error(notCarried('output', uncarried));
  }
  const fed = new Map(inputs.map((input) => [specNamed(inputSpecs, input.name).node, input]));
  const fetched = outputs.filter(({ node }) => !fed.has(node));
  const ids: number[] = [];
  const started = performance.now();
  try {
    for (const input of inputs) {
      ids.push(
        binding.createTensor([...input.shape], TYPE_NUMBERS[input.dtype], nativeData(input)),
      );
    }
    const results =
      fetched.length === 0
        ? []
        : binding.runSavedModel(
            session,
            ids,
            [...fed.keys()].join(','),
            fetched.map((output) => output.node).join(','),
          );
    ids.push(...results.map(({ id }) => id));
    const named = outputs.flatMap((spec): Result[] => {
      const { dtype } = spec;
      const input = fed.get(spec.node);
      const result = results[fetched.indexOf(spec)];
      if (dtype === undefined) return [];
      if (input !== undefined)
        return [{ fed: input, spec: { ...spec, dtype }, shape: input.shape }];
      return result === undefined
        ? []
        : [{ id: result.id, spec: { ...spec, dtype }, shape: result.shape }];
    });
    return take(named, performance.now() - started);
  } finally {
    // The arrays are shared with TensorFlow until here; afterwards they may be used again.
    for (const id of ids) binding.deleteTensor(id);
  }
}

function readResult(binding: Binding, result: Result): Tensor {
  const { spec, shape } = result;
  const { name, dtype } = spec;
  if ('fed' in result) return { ...result.fed, name };
  const { id } = result;
  if (dtype === 'string') {
    return { name, dtype, shape, data: joinByteStrings(binding.tensorDataSync(id)) };
  }
  const data = typedArrayOf(dtype, elementCount(shape));
  binding.copyTensorData(id, new Uint8Array(data.buffer));
  return { name, dtype, shape, data };
}

/** One copy, from TensorFlow's memory to where the server reads it. */
function copyResult(binding: Binding, result: Result, lane: SharedLane): WireTensor {
  const { spec, shape } = result;
  const { name, dtype } = spec;
  if (dtype === 'string' || 'fed' in result) return toWire(readResult(binding, result), lane);
  const target = lane.allocate(bytesOf(dtype, shape));
  binding.copyTensorData(result.id, target);
  return { name, dtype, shape, offset: target.byteOffset, bytes: target.byteLength };
}

function specNamed(specs: readonly TensorSpec[], name: string): TensorSpec {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) throw new Error(`no tensor "${name}" in the signature`);
  return spec;
}

/** Arrays that the binding takes as they are; it takes other types as bytes. */
const KNOWN_ARRAYS: readonly DType[] = ['float32', 'int32', 'uint8', 'bool'];

/** The binding takes int64 as pairs of int32, and strings as a list. */
function nativeData({ dtype, data }: Tensor): unknown {
  if (isByteStrings(data)) return [...eachByteString(data)];
  if (KNOWN_ARRAYS.includes(dtype)) return data;
  const { buffer, byteOffset, byteLength } = data;
  return dtype === 'int64'
    ? new Int32Array(buffer, byteOffset, byteLength / 4)
    : new Uint8Array(buffer, byteOffset, byteLength);
}
