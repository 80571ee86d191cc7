import type { DType } from '../../kernel/element-types';
import { elementCount, formatShape, type TensorSpec } from '../../kernel/tensor';
import type { Notes } from '../task';
import type { RoleConfig } from './input-config';
import {
  LARGEST_FLOAT,
  type LabelInput,
  type MoreInput,
  type NoiseInput,
  type NumberRange,
  type NumbersInput,
  type SeedInput,
  type SideImage,
  type TextInput,
  type ValueInput,
} from './model-inputs';
import type { NoiseDraw } from './noise';
import { parseValue, type InputValue } from './parse-value';
import { resolveImage } from './resolve-image';
import { elementsOfRow, oneRow, shapeFor } from './row-shape';

/** An input of the signature with what model.json says of it. */
export interface RoleSource {
  readonly role: string;
  readonly config: RoleConfig;
  readonly spec: TensorSpec;
  /** Of its file, or of model.json. */
  readonly labels: readonly string[] | undefined;
  /** Its place among the inputs. */
  readonly place: number;
}

const WHOLE: readonly (DType | undefined)[] = [
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
];
const FLOATS: readonly (DType | undefined)[] = ['float32', 'float64', 'float16', 'bfloat16'];
const DEFAULT_LENGTH = 2000;

/**
 * An input besides the upload.
 * @returns undefined when model.json and the signature contradict each other, which has been noted
 */
export function resolveMore(source: RoleSource, notes: Notes): MoreInput | undefined {
  const { config } = source;
  if (config.image !== undefined) return resolveSide(source, notes);
  const value = resolveValue(source, notes);
  if (value !== undefined) return value;
  if (config.noise !== undefined) return resolveNoise(source, config.noise, notes);
  return config.seed === undefined ? undefined : resolveSeed(source, notes);
}

function resolveSide({ role, config, spec }: RoleSource, notes: Notes): SideImage | undefined {
  const { default: fallback, ...settings } = config.image ?? {};
  const image = resolveImage({ settings, place: `inputs.${role}.image` }, spec, notes);
  return image && { kind: 'image', role, inputName: spec.name, spec: image, fallback };
}

function resolveValue(source: RoleSource, notes: Notes): ValueInput | undefined {
  const { number, numbers, label, text } = source.config;
  if (number !== undefined) {
    const fed = fedWith(source, 1, 'number', [...WHOLE, ...FLOATS], notes);
    const range = rangeOf(source, number, 'number', notes);
    return fed && withDefault(source, { kind: 'number', ...fed, ...range }, number.default, notes);
  }
  if (numbers !== undefined) return resolveNumbers(source, numbers, notes);
  if (label !== undefined) return resolveLabel(source, label, notes);
  if (text !== undefined) return resolveText(source, text, notes);
  return undefined;
}

function resolveNumbers(
  source: RoleSource,
  config: NonNullable<RoleConfig['numbers']>,
  notes: Notes,
): ValueInput | undefined {
  const { spec, role, labels } = source;
  const length = config.length ?? elementsOfRow(spec) ?? labels?.length;
  if (length === undefined) {
    notes.problem(
      `model.json.inputs.${role}.numbers.length: is needed, as input "${spec.name}" has shape ${formatShape(spec.shape)}`,
    );
    return undefined;
  }
  const fed = fedWith(source, length, 'numbers', [...WHOLE, ...FLOATS], notes);
  if (fed === undefined) return undefined;
  if (labels !== undefined && labels.length !== length) {
    notes.problem(
      `model.json.inputs.${role}.numbers.labels: ${labels.length} labels, and there are ${length} numbers`,
    );
    return undefined;
  }
  const input: Omit<NumbersInput, 'fallback'> = {
    kind: 'numbers',
    ...fed,
    ...rangeOf(source, config, 'numbers', notes),
    length,
    labels,
    normalize: config.normalize ?? false,
  };
  const { default: given } = config;
  const all = typeof given === 'number' ? new Array<number>(length).fill(given) : given;
  return withDefault(source, input, all, notes);
}

function resolveLabel(
  source: RoleSource,
  config: NonNullable<RoleConfig['label']>,
  notes: Notes,
): ValueInput | undefined {
  const { role, spec, labels } = source;
  const isText = spec.dtype === 'string';
  const elements = elementsOfRow(spec);
  const oneHot = elements !== undefined && elements > 1 ? elements : undefined;
  const classes = config.classes ?? labels?.length ?? oneHot;
  if (classes === undefined) {
    notes.problem(
      `model.json.inputs.${role}.label: give its labels, or classes: the signature does not tell how many there are`,
    );
    return undefined;
  }
  if (labels !== undefined && labels.length !== classes) {
    notes.problem(
      `model.json.inputs.${role}.label: ${labels.length} labels, and classes is ${classes}`,
    );
    return undefined;
  }
  if (isText && labels === undefined) {
    notes.problem(
      `model.json.inputs.${role}.label.labels: are needed, as input "${spec.name}" takes text`,
    );
    return undefined;
  }
  const isIndex = isText || (classes > 1 && shapeFor(spec, 1) !== undefined);
  const types: readonly (DType | undefined)[] = isText ? ['string'] : [...WHOLE, ...FLOATS];
  const fed = fedWith(source, isIndex ? 1 : classes, 'label', types, notes);
  if (fed === undefined) return undefined;
  const form = isText ? 'text' : isIndex ? 'index' : 'one-hot';
  notes.assumption(`inputs.${role}.label: fed as ${form}, as "${spec.name}" takes it`);
  const input: Omit<LabelInput, 'fallback'> = { kind: 'label', ...fed, classes, labels, form };
  return withDefault(source, input, config.default, notes);
}

function resolveText(
  source: RoleSource,
  config: NonNullable<RoleConfig['text']>,
  notes: Notes,
): ValueInput | undefined {
  const fed = fedWith(source, 1, 'text', ['string'], notes);
  if (fed === undefined) return undefined;
  const maxLength = config.maxLength ?? DEFAULT_LENGTH;
  const input: Omit<TextInput, 'fallback'> = { kind: 'text', ...fed, maxLength };
  return withDefault(source, input, config.default, notes);
}

function resolveNoise(
  { role, spec, place }: RoleSource,
  config: NonNullable<RoleConfig['noise']>,
  notes: Notes,
): NoiseInput | undefined {
  const where = `model.json.inputs.${role}.noise`;
  const { dtype } = spec;
  if (dtype === undefined || !FLOATS.includes(dtype)) {
    notes.problem(`${where}: noise is made of floats, and input "${spec.name}" is ${spec.tfDtype}`);
    return undefined;
  }
  const shape = noiseShape(spec, config.shape);
  if (shape === undefined) {
    notes.problem(
      config.shape === undefined
        ? `${where}.shape: is needed, as input "${spec.name}" has shape ${formatShape(spec.shape)}`
        : `${where}.shape: [${config.shape.join(', ')}], and input "${spec.name}" has shape ${formatShape(spec.shape)}`,
    );
    return undefined;
  }
  const draw = drawOf(config, where, notes);
  const uniform = draw.distribution === 'uniform';
  if (config.distribution === undefined) {
    notes.assumption(`inputs.${role}.noise.distribution: normal`);
  }
  if (uniform && draw.minimum >= draw.maximum) {
    notes.problem(`${where}: minimum ${draw.minimum} is not below maximum ${draw.maximum}`);
  }
  return { kind: 'noise', role, inputName: spec.name, dtype, shape, draw, stream: place };
}

function drawOf(config: NonNullable<RoleConfig['noise']>, where: string, notes: Notes): NoiseDraw {
  const { distribution = 'normal' } = config;
  const strangers =
    distribution === 'normal'
      ? (['minimum', 'maximum'] as const)
      : (['mean', 'stddev', 'truncate'] as const);
  for (const key of strangers) {
    if (config[key] !== undefined) {
      notes.problem(`${where}.${key}: does not go with distribution ${distribution}`);
    }
  }
  return distribution === 'normal'
    ? {
        distribution,
        mean: config.mean ?? 0,
        stddev: config.stddev ?? 1,
        truncate: config.truncate,
      }
    : { distribution, minimum: config.minimum ?? 0, maximum: config.maximum ?? 1 };
}

/** @param given shape of one row, without the dimension of the batch */
function noiseShape(
  { shape }: TensorSpec,
  given: readonly number[] | undefined,
): readonly number[] | undefined {
  if (shape === undefined) return given && [1, ...given];
  const row = oneRow(shape);
  if (given === undefined) return row.some((size) => size < 0) ? undefined : row;
  const wanted = row.length === given.length + 1 && row[0] === 1 ? [1, ...given] : given;
  const fits =
    wanted.length === row.length && row.every((size, axis) => size < 0 || size === wanted[axis]);
  return fits ? wanted : undefined;
}

/** Of one number, or of two of which the second is 0, as TensorFlow's stateless operations take it. */
function resolveSeed({ role, spec }: RoleSource, notes: Notes): SeedInput | undefined {
  const { name, dtype } = spec;
  const shape = shapeFor(spec, 1) ?? shapeFor(spec, 2);
  if (dtype === undefined || !WHOLE.includes(dtype) || shape === undefined) {
    notes.problem(
      `model.json.inputs.${role}.seed: a seed is one whole number or two, and input "${name}" is ${spec.tfDtype} ${formatShape(spec.shape)}`,
    );
    return undefined;
  }
  return { kind: 'seed', role, inputName: name, dtype, shape };
}

type FedPart = Pick<SeedInput, 'role' | 'inputName' | 'dtype' | 'shape'>;

/** What is fed for `count` elements a row. */
function fedWith(
  { role, spec }: RoleSource,
  count: number,
  kind: string,
  types: readonly (DType | undefined)[],
  notes: Notes,
): FedPart | undefined {
  const { dtype } = spec;
  if (dtype === undefined || !types.includes(dtype)) {
    notes.problem(
      `model.json.inputs.${role}.${kind}: input "${spec.name}" is ${spec.tfDtype}, which takes no ${kind === 'numbers' ? 'numbers' : kind}`,
    );
    return undefined;
  }
  const shape = shapeFor(spec, count);
  if (shape !== undefined && elementCount(shape) === count) {
    return { role, inputName: spec.name, dtype, shape };
  }
  notes.problem(
    `model.json.inputs.${role}.${kind}: ${count === 1 ? 'one element a row' : `${count} elements a row`}, and input "${spec.name}" has shape ${formatShape(spec.shape)}`,
  );
  return undefined;
}

function rangeOf(
  { role, spec }: RoleSource,
  config: {
    readonly type?: 'float' | 'integer' | undefined;
    readonly minimum?: number | undefined;
    readonly maximum?: number | undefined;
  },
  kind: string,
  notes: Notes,
): NumberRange {
  const whole = WHOLE.includes(spec.dtype);
  const where = `model.json.inputs.${role}.${kind}`;
  if (config.type === 'float' && whole) {
    notes.problem(`${where}.type: float, and input "${spec.name}" is ${spec.tfDtype}`);
  }
  const { minimum = -Infinity, maximum = Infinity } = config;
  if (minimum > maximum) {
    notes.problem(`${where}: minimum ${minimum} is above maximum ${maximum}`);
  }
  const [low, high] = spec.dtype === undefined ? [-Infinity, Infinity] : limitsOf(spec.dtype);
  return {
    integer: whole || config.type === 'integer',
    minimum: Math.max(low, minimum),
    maximum: Math.min(high, maximum),
  };
}

/** What a type can hold; whole numbers of 64 bits as far as numbers of JavaScript tell them apart. */
function limitsOf(dtype: DType): readonly [number, number] {
  const match = /^(u?)int(8|16|32)$/.exec(dtype);
  if (match === null) {
    if (dtype === 'int64') return [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    if (dtype === 'uint64') return [0, Number.MAX_SAFE_INTEGER];
    if (dtype === 'float16') return [-65_504, 65_504];
    return dtype === 'float32' ? [-LARGEST_FLOAT, LARGEST_FLOAT] : [-Infinity, Infinity];
  }
  const bits = Number(match[2]);
  return match[1] === 'u' ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/** A default is held to what requests are. */
function withDefault<T extends ValueInput>(
  { role }: RoleSource,
  input: Omit<T, 'fallback'>,
  given: unknown,
  notes: Notes,
): T {
  const whole = { ...input, fallback: undefined } as unknown as T;
  if (given === undefined) return whole;
  let fallback: InputValue | undefined;
  try {
    fallback = parseValue(whole, given);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    notes.problem(
      `model.json.inputs.${role}.${whole.kind}.default: ${JSON.stringify(given)}; ${thrown.message}`,
    );
  }
  return { ...whole, fallback };
}
