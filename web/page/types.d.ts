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
    /** Loaded by its first request. */
    readonly onDemand?: boolean;
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

/** A parameter of a request: JSON Schema. */
export interface Parameter {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly default?: unknown;
}

/** What is filled in for a parameter, or for an input of the model. */
export interface Control extends Parameter {
  /** Where it is sent. */
  readonly place: 'query' | 'field';
  /** What it is beyond its type. */
  readonly kind?: 'file' | 'text' | 'blend' | 'seed';
  readonly labels?: readonly string[];
  /** @default false */
  readonly required?: boolean;
}

/** What was filled in, by name. */
export type Values = Record<string, string | File>;

/** An input of a model, by its role. */
export interface ModelInput {
  readonly role: string;
  readonly kind: 'image' | 'number' | 'numbers' | 'label' | 'text' | 'noise' | 'seed';
  readonly required: boolean;
  readonly default?: number | string | readonly number[];
  readonly type?: 'float' | 'integer';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly length?: number;
  readonly classes?: number;
  readonly labels?: readonly string[];
  readonly normalize?: boolean;
  readonly maxLength?: number;
}

export interface ImageRequest {
  readonly verb: string;
  readonly view: string;
  readonly pictures: 'always' | 'on-request' | 'never';
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** A model of GET /models/{name}. */
export interface ModelDetails extends ModelSummary {
  readonly servable?: Servable;
}

export interface Servable {
  readonly version: number;
  readonly device?: string;
  readonly task: string;
  /** Absent for models that are only asked for tensors. */
  readonly request?: ImageRequest;
  /** Absent where a photo is all that it takes. */
  readonly inputs?: readonly ModelInput[];
  readonly signature: string;
  readonly signatures: Readonly<
    Record<string, { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] }>
  >;
}

/** What was asked in this visit, and what came of it. */
export interface Entry {
  readonly model: string;
  readonly view: string;
  /** What it is called in lists. */
  readonly name: string;
  /** The photo that was sent; undefined for models that take none. */
  readonly picture: Picture | undefined;
  /** A small picture for lists; undefined where there is none. */
  readonly thumbnail: string | undefined;
  /** Of one photo; all of them for models that take none. */
  readonly results: readonly (Result | { readonly error: object })[];
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
  /** Fields of the form and names of files, in order; a field may have several. */
  readonly files: readonly (readonly [field: string, file: string])[];
  /** Fields of the form and their texts. */
  readonly fields: Readonly<Record<string, string>>;
  /** Name of the file that the answer is kept in; undefined: it is JSON. */
  readonly saveAs: string | undefined;
  readonly needsKey: boolean;
}
