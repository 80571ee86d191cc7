import type { Picture, Result } from '../views/types';

/** A model of GET /models. */
export interface ModelSummary {
  readonly name: string;
  readonly ready: boolean;
  readonly task?: string;
  readonly versions: readonly {
    readonly version: number;
    readonly state: string;
    readonly ready: boolean;
    readonly reason?: string;
  }[];
  readonly problems: readonly string[];
}

export interface Tensor {
  readonly name: string;
  readonly dtype: string | null;
  readonly tensorflowType: string;
  readonly shape: readonly number[] | null;
}

/** What may stand in the query of a request: JSON Schema. */
export interface Parameter {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly default?: unknown;
}

export interface ImageRequest {
  readonly verb: string;
  readonly view: string;
  readonly pictures: 'always' | 'on-request' | 'never';
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** A model of GET /models/{name}. */
export interface ModelDetails extends ModelSummary {
  readonly servable?: {
    readonly version: number;
    readonly device?: string;
    readonly task: string;
    readonly request?: ImageRequest;
    readonly signature: string;
    readonly signatures: Readonly<
      Record<string, { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] }>
    >;
    readonly labels?: number;
    readonly assumptions: readonly string[];
  };
}

/** A picture of this visit, and what came of it. */
export interface Entry {
  readonly model: string;
  readonly view: string;
  readonly picture: Picture;
  /** A small picture for lists; undefined where the browser cannot show the file. */
  readonly thumbnail: string | undefined;
  readonly result: Result | { readonly error: object };
  readonly times: Times;
}

/** Milliseconds of one request. */
export interface Times {
  /** By stage, in the order of the server. */
  readonly stages: readonly (readonly [stage: string, ms: number])[];
  /** As the browser measured it, from sending to the whole answer. */
  readonly total: number;
}

/** A request as it can be written in other languages. */
export interface Call {
  /** Address of the server, without a slash at the end. */
  readonly server: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  /** Name of the file that the answer is kept in; undefined: it is JSON. */
  readonly saveAs: string | undefined;
  readonly needsKey: boolean;
}
