import type { TensorFlowCode } from '../kernel/run-failed-error';
import type { Signatures, Tensor } from '../kernel/tensor';
import type { DeviceKind } from './backend';

/** What a worker is told when it starts. */
export interface WorkerStart {
  /** SavedModel folder to load. */
  readonly directory: string;
  /** Run at a lower priority than the rest of the process. */
  readonly background: boolean;
}

/** Main thread → worker. */
export type ToWorker =
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly signature: string;
      readonly inputs: readonly Tensor[];
      /** Names of the outputs to fetch; all when absent. */
      readonly outputs?: readonly string[];
    }
  /** Give freed memory back to the operating system. */
  | { readonly kind: 'trim' }
  | { readonly kind: 'close' };

/** Worker → main thread. */
export type FromWorker =
  | {
      readonly kind: 'ready';
      readonly signatures: Signatures;
      readonly device: DeviceKind;
      readonly tensorflowVersion: string;
      readonly loadMs: number;
    }
  | { readonly kind: 'load-failed'; readonly message: string }
  | {
      readonly kind: 'result';
      readonly id: number;
      readonly outputs: readonly Tensor[];
      /** Time inside TensorFlow. */
      readonly inferMs: number;
      /** Input buffers handed back for reuse. */
      readonly buffers: readonly ArrayBuffer[];
    }
  | {
      readonly kind: 'run-failed';
      readonly id: number;
      readonly message: string;
      /** Undefined when it was not TensorFlow that failed. */
      readonly code: TensorFlowCode | undefined;
    };
