import type { ServingClientError } from './client-error';
import type { Tensor } from './tensors';

/** Milliseconds of each stage in the server; for several images the longest of each. */
export interface Timings {
  readonly preprocessMs: number;
  readonly queueMs: number;
  readonly inferMs: number;
  readonly postprocessMs: number;
}

/** What every answer of a run has. */
export interface Answered {
  readonly model: string;
  /** The version that answered. */
  readonly version: number;
  /** Of the header X-Request-Id; finds the request in the server's log. */
  readonly requestId: string | undefined;
  readonly timings: Timings | undefined;
}

export interface Prediction {
  /** The index as text for models without labels. */
  readonly label: string;
  readonly index: number;
  readonly score: number;
}

/** One image among several: its result, or what was wrong with it. */
export type OneOf<T> =
  | (T & { readonly error?: undefined })
  | ({ readonly error: ServingClientError } & { readonly [K in keyof T]?: undefined });

/** Tensors that a model answered. */
export interface TensorAnswer extends Answered {
  /** By name, in the order of the signature. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** What a model does; a newer server may know more. */
export type Task =
  | 'image-classification'
  | 'object-detection'
  | 'image-segmentation'
  | 'image-feature-extraction'
  | 'image-to-image'
  | 'image-generation'
  | 'text-generation'
  | 'tensor'
  | (string & Record<never, never>);

export interface ModelVersion {
  readonly version: number;
  readonly state: 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END';
  /** At least one worker can run it. */
  readonly ready: boolean;
  /** Why it could not be loaded. */
  readonly reason?: string | undefined;
  /** The next attempt at what failed; `at` is a time as ISO 8601 has it. */
  readonly retry?:
    { readonly attempt: number; readonly of: number; readonly at: string } | undefined;
}

export interface ModelSummary {
  readonly name: string;
  readonly ready: boolean;
  /** Absent while no version is available. */
  readonly task?: Task | undefined;
  readonly versions: readonly ModelVersion[];
  /** What is wrong with the model's folder. */
  readonly problems: readonly string[];
}

export interface SignatureTensor {
  readonly name: string;
  /** null for a type that cannot be carried. */
  readonly dtype: string | null;
  readonly tensorflowType: string;
  /** -1 is any size; null an unknown rank. */
  readonly shape: readonly number[] | null;
}

export interface Signature {
  readonly inputs: readonly SignatureTensor[];
  readonly outputs: readonly SignatureTensor[];
  readonly method: string;
}

/** docs/optimizer.md */
export type Optimization =
  | {
      readonly state: 'optimized';
      readonly cached: boolean;
      readonly variables: number;
      readonly nodesBefore: number;
      readonly nodesAfter: number;
      readonly weights: 'constants' | 'variables';
      readonly maxRelativeDifference: number;
      /** What surrounds the network and is in the graph; absent where nothing was to be. */
      readonly image?:
        | {
            readonly preprocess: boolean;
            readonly postprocess: boolean;
            readonly reason?: string | undefined;
            readonly dropped?: boolean | undefined;
          }
        | undefined;
      /** What the SavedModel lacked to be served at all. */
      readonly repair?:
        { readonly variables: number; readonly notOptimized?: string | undefined } | undefined;
    }
  | {
      readonly state: 'original';
      readonly reason: string;
      readonly dropped?: boolean | undefined;
    };

/** What a model takes: a picture, a parameter, or what the server makes itself. */
export interface ModelInput {
  /** Name of the field, member or parameter in a request. */
  readonly role: string;
  /** Of the input in the signature. */
  readonly name: string;
  readonly kind: 'image' | 'number' | 'numbers' | 'label' | 'text' | 'noise' | 'seed';
  readonly required: boolean;
  readonly default?: number | string | readonly number[] | undefined;
  readonly type?: 'float' | 'integer' | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  /** How many numbers. */
  readonly length?: number | undefined;
  readonly classes?: number | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly normalize?: boolean | undefined;
  /** Characters. */
  readonly maxLength?: number | undefined;
  readonly shape?: readonly number[] | undefined;
  readonly distribution?: 'normal' | 'uniform' | undefined;
  readonly decodedByGraph?: readonly string[] | undefined;
}

/** A model with the settings in effect: docs/api.md#models. */
export interface ModelDetails extends ModelSummary {
  /** There is a model.json. */
  readonly configured: boolean;
  /** The newest version available. */
  readonly servable?:
    | {
        readonly version: number;
        readonly device?: string | undefined;
        readonly instances: {
          readonly ready: number;
          readonly total: number;
          readonly restarts: number;
        };
        readonly task: Task;
        /** How images are sent to it; absent for models that are only asked for tensors. */
        readonly request?:
          | {
              /** The end of its address. */
              readonly verb: string;
              /** How pages show a result. */
              readonly view: string;
              readonly pictures: 'always' | 'on-request' | 'never';
              /** JSON Schema of each. */
              readonly parameters: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
            }
          | undefined;
        readonly signature: string;
        readonly signatures: Readonly<Record<string, Signature>>;
        readonly input?: Readonly<Record<string, unknown>> | undefined;
        /** What a request for it can say, by role. */
        readonly inputs: readonly ModelInput[];
        readonly output: Readonly<Record<string, unknown>>;
        readonly labels?: number | undefined;
        readonly batching: Readonly<Record<string, unknown>>;
        /** Whether the model is served as it was rewritten, or why not. */
        readonly optimization?: Optimization | undefined;
        readonly queue: { readonly waiting: number; readonly admitted: number };
        readonly warmup: Readonly<Record<string, unknown>>;
        readonly assumptions: readonly string[];
      }
    | undefined;
}

/** A version in the index of the model repository. */
export interface RepositoryEntry {
  readonly name: string;
  readonly version?: string | undefined;
  readonly state?: string | undefined;
  readonly reason?: string | undefined;
}
