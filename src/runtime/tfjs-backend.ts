import util from 'node:util';

import { eachByteString, joinByteStrings } from '../kernel/byte-strings';
import {
  isByteStrings,
  type DType,
  type NumericData,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from '../kernel/tensor';
import type { Backend, DeviceKind, LoadedModel } from './backend';
import { readSignaturesSync } from '../saved-model/signatures';

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
  /** Added by set-up. */
  trimMemory(): void;
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

/**
 * Node 23 dropped two functions that tfjs-node 4.22 still calls. They must be back before the
 * package is loaded.
 */
function restoreUtilFunctions(): void {
  const target = util as unknown as Record<string, unknown>;
  target.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  target.isArray ??= Array.isArray;
}

/**
 * TensorFlow.js's native binding. Tensors are handed to the binding itself rather than through
 * `tf.tensor` and `TFSavedModel.predict`: those copy uint8 and int64 inputs an element at a time,
 * refuse models that have one signature of another type, and run eager ops, whose attribute table
 * is shared between threads without a lock.
 */
export class TfjsBackend implements Backend {
  readonly tensorflowVersion: string;
  readonly device: DeviceKind;
  readonly #binding: Binding;

  constructor() {
    restoreUtilFunctions();
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded late: it starts TensorFlow
    const tf = require('@tensorflow/tfjs-node-gpu') as { backend(): { binding: Binding } };
    this.#binding = tf.backend().binding;
    this.tensorflowVersion = this.#binding.TF_Version;
    this.device = this.#binding.isUsingGpuDevice() ? 'gpu' : 'cpu';
  }

  trimMemory(): void {
    this.#binding.trimMemory();
  }

  loadModel(directory: string): LoadedModel {
    const info = readSignaturesSync(directory);
    const binding = this.#binding;
    const session = binding.loadSavedModel(directory, info.tags.join(','));
    return {
      signatures: info.signatures,
      run: (name, inputs, outputNames) => {
        const signature = info.signatures[name];
        if (signature === undefined) throw new Error(`no signature "${name}"`);
        const outputs =
          outputNames === undefined
            ? signature.outputs
            : outputNames.map((output) => specNamed(signature.outputs, output));
        return runSession(binding, session, signature.inputs, inputs, outputs);
      },
      dispose: () => {
        binding.deleteSavedModel(session);
      },
    };
  }
}

function runSession(
  binding: Binding,
  session: number,
  inputSpecs: readonly TensorSpec[],
  inputs: readonly Tensor[],
  outputs: readonly TensorSpec[],
): Tensor[] {
  const uncarried = outputs.find((output) => output.dtype === undefined);
  if (uncarried !== undefined) {
    // Before the run, which would be in vain.
    throw new Error(`output "${uncarried.name}" is ${uncarried.tfDtype}, which cannot be carried`);
  }
  const ids: number[] = [];
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
    return outputs.flatMap((spec, index) => {
      const result = results[index];
      if (result === undefined || spec.dtype === undefined) return [];
      const given = binding.tensorDataSync(result.id);
      const data = Array.isArray(given) ? joinByteStrings(given) : given;
      return [{ name: spec.name, dtype: spec.dtype, shape: result.shape, data }];
    });
  } finally {
    // The arrays are shared with TensorFlow until here; afterwards they may be reused or transferred.
    for (const id of ids) binding.deleteTensor(id);
  }
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
