import type { TensorFlowCode } from '../kernel/run-failed-error';
import type { DeviceKind } from './backend';
import type { WireTensor } from './wire-tensor';

/** What an instance process is told when it is started, as its argument. */
export interface InstanceStart {
  /** SavedModel folder to load. */
  readonly directory: string;
  /** Id of the server's process; in a container it may be the first, 1. */
  readonly parent: number;
  /** Run at a lower priority than the server: right where TensorFlow computes on the cores it needs. */
  readonly background: boolean;
  /** File descriptors of the lanes, which it inherits. */
  readonly lanes: readonly number[];
}

/** Server → instance. */
export type ToInstance =
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly signature: string;
      /** Number of the lane that holds the inputs and will hold the outputs, and its bytes. */
      readonly lane: number;
      readonly capacity: number;
      /** Where the inputs end in the lane. */
      readonly used: number;
      readonly inputs: readonly WireTensor[];
      /** Names of the outputs to fetch; all when absent. */
      readonly outputs?: readonly string[] | undefined;
      /** Whether to find out how much memory the run takes. */
      readonly measure: boolean;
    }
  /** Loaded and warmed: give back freed memory, and take no more than so many bytes from now on. */
  | { readonly kind: 'settle'; readonly maxBytes: number | undefined }
  | { readonly kind: 'close' };

/** Instance → server. */
export type FromInstance =
  | {
      readonly kind: 'ready';
      readonly device: DeviceKind;
      readonly tensorflowVersion: string;
      readonly loadMs: number;
    }
  | { readonly kind: 'load-failed'; readonly message: string }
  /** Bytes that the process has in memory between runs; undefined when that cannot be told. */
  | { readonly kind: 'settled'; readonly residentBytes?: number | undefined }
  | {
      readonly kind: 'result';
      readonly id: number;
      readonly capacity: number;
      readonly outputs: readonly WireTensor[];
      /** Time inside TensorFlow. */
      readonly inferMs: number;
      readonly peakBytes?: number | undefined;
    }
  | {
      readonly kind: 'run-failed';
      readonly id: number;
      readonly message: string;
      /** Undefined when it was not TensorFlow that failed. */
      readonly code?: TensorFlowCode | undefined;
      readonly peakBytes?: number | undefined;
    };
