import type { Tensor } from './tensor';

/** Gives memory for the inputs of a run: as many bytes, aligned for any type, of any content. */
export type Allocate = (bytes: number) => Uint8Array<ArrayBuffer>;

/** What an instance is to run. */
export interface RunRequest {
  readonly signature: string;
  /**
   * Makes the inputs, in memory that the instance reads from: what is written there is not copied
   * again. Called once, before `run` returns.
   */
  readonly inputs: (allocate: Allocate) => readonly Tensor[];
  /** Names of the outputs to fetch; all when absent. */
  readonly outputs?: readonly string[] | undefined;
  /** Whether to find out how much memory it takes. @default false */
  readonly measure?: boolean;
}

export interface RunResult {
  readonly outputs: readonly Tensor[];
  /** Milliseconds inside TensorFlow. */
  readonly inferMs: number;
  /** Bytes that the run took beyond what the instance holds anyway; undefined when not measured. */
  readonly peakBytes?: number | undefined;
}
