import type { PreprocessSpec } from '../../imaging/preprocess-spec';
import type { ImageFormat } from '../../imaging/sniff';
import type { DType } from '../../kernel/element-types';
import type { NoiseDraw } from './noise';

/** How an image becomes an input tensor, and which: what model.json left open is filled in. */
export type ImageInputSpec = PreprocessSpec & { readonly inputName: string };

/** An input that takes pictures as files: the graph decodes them. */
export interface EncodedInputSpec {
  readonly inputName: string;
  /** Of one file: `[]`, `[1]` or `[1, 1]`. */
  readonly shape: readonly number[];
  /** Formats that its decoder reads; others are encoded anew. */
  readonly formats: readonly ImageFormat[];
}

/** What every input besides pictures has. */
interface Fed {
  /** Its name in requests and in model.json. */
  readonly role: string;
  readonly inputName: string;
  readonly dtype: DType;
  /** What is fed for one row; where the signature has a first dimension of any size, that is 1. */
  readonly shape: readonly number[];
}

/** A further picture: a style, a mask. */
export interface SideImage {
  readonly kind: 'image';
  readonly role: string;
  readonly inputName: string;
  readonly spec: ImageInputSpec;
  /** Colour of the plain picture that stands for one that is not sent; undefined: it is required. */
  readonly fallback: string | undefined;
}

export interface NumberRange {
  readonly integer: boolean;
  readonly minimum: number;
  readonly maximum: number;
}

/** What a float32 holds, about: a range that nobody narrowed ends there. */
export const LARGEST_FLOAT = 3.4e38;

/** Whether a limit is one that was set. */
export function isLimit(value: number): boolean {
  return Math.abs(value) < LARGEST_FLOAT;
}

export interface NumberInput extends Fed, NumberRange {
  readonly kind: 'number';
  /** Undefined: required. */
  readonly fallback: number | undefined;
}

export interface NumbersInput extends Fed, NumberRange {
  readonly kind: 'numbers';
  readonly length: number;
  /** What each number is for. */
  readonly labels: readonly string[] | undefined;
  /** Whether they are divided by their sum. */
  readonly normalize: boolean;
  readonly fallback: readonly number[] | undefined;
}

export interface LabelInput extends Fed {
  readonly kind: 'label';
  readonly classes: number;
  readonly labels: readonly string[] | undefined;
  /** How it is fed: as its number, as zeros and a one, or as its text. */
  readonly form: 'index' | 'one-hot' | 'text';
  readonly fallback: number | undefined;
}

export interface TextInput extends Fed {
  readonly kind: 'text';
  /** In characters. */
  readonly maxLength: number;
  readonly fallback: string | undefined;
}

export interface NoiseInput extends Fed {
  readonly kind: 'noise';
  readonly draw: NoiseDraw;
  /** Tells the noise of one input from that of another. */
  readonly stream: number;
}

export interface SeedInput extends Fed {
  readonly kind: 'seed';
}

/** An input whose value a request gives, as a parameter. */
export type ValueInput = NumberInput | NumbersInput | LabelInput | TextInput;
export type MoreInput = SideImage | ValueInput | NoiseInput | SeedInput;

/** What the signature of a model takes, by role. */
export interface ModelInputs {
  /** Role of the picture that is uploaded; `image` where model.json has no `inputs`. */
  readonly uploadRole: string;
  /** How the upload becomes a tensor; undefined where there is none, or the graph decodes it. */
  readonly image: ImageInputSpec | undefined;
  readonly encoded: EncodedInputSpec | undefined;
  /** Every other input that has a role, in the order of model.json. */
  readonly more: readonly MoreInput[];
}

/** Of models of which nothing is known but the signature. */
export const NO_INPUTS: ModelInputs = {
  uploadRole: 'image',
  image: undefined,
  encoded: undefined,
  more: [],
};

export function takesUpload({ image, encoded }: ModelInputs): boolean {
  return image !== undefined || encoded !== undefined;
}

/** Whether what it answers depends on a seed. */
export function takesSeed({ more }: ModelInputs): boolean {
  return more.some(({ kind }) => kind === 'noise' || kind === 'seed');
}

export function sideImages({ more }: ModelInputs): readonly SideImage[] {
  return more.filter((input) => input.kind === 'image');
}

export function valueInputs({ more }: ModelInputs): readonly ValueInput[] {
  return more.filter(
    (input): input is ValueInput =>
      input.kind === 'number' ||
      input.kind === 'numbers' ||
      input.kind === 'label' ||
      input.kind === 'text',
  );
}
