import type { Signatures, Tensor } from '../kernel/tensor';
import type { SharedLane } from './shared-lane';
import type { WireTensor } from './wire-tensor';

/** What a runtime must offer; one implementation exists, on TensorFlow.js's native binding. */
export interface Backend {
  /** Version of the native TensorFlow library, such as `2.21.0`. */
  readonly tensorflowVersion: string;
  readonly device: DeviceKind;
  /**
   * Loads a SavedModel folder.
   * @throws Error when the folder holds no servable graph
   */
  loadModel(directory: string): LoadedModel;
}

export type DeviceKind = 'gpu' | 'cpu';

export interface LoadedModel {
  readonly signatures: Signatures;
  /**
   * Runs one signature and blocks the thread until the outputs are there.
   * Inputs must match the signature.
   * @param outputs names; all of a type that can be carried when undefined
   * @throws Error with TensorFlow's own message and, as `code`, the number of its error code
   */
  run(signature: string, inputs: readonly Tensor[], outputs?: readonly string[]): Tensor[];
  /** As `run`; the outputs are written into `lane`, behind what is there. */
  runInto(
    signature: string,
    inputs: readonly Tensor[],
    outputs: readonly string[] | undefined,
    lane: SharedLane,
  ): { readonly outputs: readonly WireTensor[]; readonly inferMs: number };
  dispose(): void;
}
