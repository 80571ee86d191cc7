import { ServingError } from '../../kernel/errors';
import type { TensorTarget } from '../../inference/tensor-request';
import { typedArrayOver, type NumericData, type NumericDType } from '../../kernel/element-types';
import {
  elementCount,
  formatShape,
  notCarried,
  type Tensor,
  type TensorSpec,
} from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import { sinkOf } from '../tensors/element-sink';
import { readElements } from '../tensors/nested-reader';
import { readByteElements } from './byte-elements';
import { datatypeName, datatypeOf, type Datatype } from './datatypes';
import type { InferInput } from './infer-request';
import { datatypeSink } from './json-numbers';
import { alignedBytes, numbersOver, type NumberArray, type NumericDatatype } from './number-arrays';
import {
  convertible,
  convertNumbers,
  isBetweenFloats,
  type ConvertedDType,
} from './number-conversion';

/** JSON cannot hold the bytes of an image: they come as base64. */
const IMAGE_STRINGS = { b64Objects: true, base64: true };
const STRINGS = { b64Objects: false };
/** Elements that are handled between two pauses. */
const STEP_ELEMENTS = 65_536;

/** Where floats are rounded to an input of a smaller type. */
export type FloatRounding = 'never' | 'json' | 'always';

/** What decides how inputs are read. */
export interface InputReading {
  readonly target: TensorTarget;
  readonly roundFloat64: FloatRounding;
}

/**
 * The inputs of a request, whose bytes follow each other in `binary`.
 * @throws ServingError INVALID_INPUT naming the input
 */
export function* inputTensors(
  reading: InputReading,
  inputs: readonly InferInput[],
  binary: Uint8Array,
): Steps<Tensor[]> {
  let at = 0;
  const tensors: Tensor[] = [];
  for (const input of inputs) {
    const spec = specOf(reading.target, input.name);
    const size = input.parameters?.binary_data_size;
    if (size === undefined) {
      tensors.push(yield* named(input.name, fromJson(reading, spec, input)));
      continue;
    }
    if (input.data !== undefined) {
      throw invalid(`input "${input.name}" has both "data" and binary_data_size`);
    }
    if (size > binary.byteLength - at) {
      throw invalid(
        `input "${input.name}" has a binary_data_size of ${size}, and ${binary.byteLength - at} bytes are left in the body`,
      );
    }
    at += size;
    tensors.push(yield* fromBytes(reading, spec, input, binary.subarray(at - size, at)));
  }
  if (at < binary.byteLength) {
    throw invalid(`the body has ${binary.byteLength - at} bytes after the inputs`);
  }
  return tensors;
}

function specOf({ signature }: TensorTarget, name: string): TensorSpec {
  const spec = signature.inputs.find((input) => input.name === name);
  if (spec !== undefined) return spec;
  const known = signature.inputs.map((input) => `"${input.name}"`).join(', ');
  throw invalid(
    `there is no input "${name}"; the signature takes ${known === '' ? 'none' : known}`,
  );
}

export function* fromBytes(
  { target, roundFloat64 }: InputReading,
  spec: TensorSpec,
  { name, shape, datatype }: Pick<InferInput, 'name' | 'shape' | 'datatype'>,
  bytes: Uint8Array,
): Steps<Tensor> {
  const plan = planOf(target, spec, datatype);
  if (plan.kind === 'bytes') {
    const data = yield* readByteElements(name, bytes);
    return counted({ name, dtype: 'string', shape, data });
  }
  if (plan.kind === 'same') {
    const { data, elements } = alignedBytes(name, plan.datatype, bytes);
    const numbers = typedArrayOver(plan.dtype, data.buffer, data.byteOffset, elements);
    return counted({ name, dtype: plan.dtype, shape, data: yield* truthful(plan.dtype, numbers) });
  }
  const numbers = yield* numbersOver(name, plan.datatype, bytes);
  return yield* converted(plan, name, shape, numbers, roundFloat64 === 'always');
}

function* fromJson(
  { target, roundFloat64 }: InputReading,
  spec: TensorSpec,
  input: InferInput,
): Steps<Tensor> {
  const { name, shape, datatype, data } = input;
  if (data === undefined) {
    throw invalid(`input "${name}" has neither "data" nor the parameter binary_data_size`);
  }
  const plan = planOf(target, spec, datatype);
  const isLabel =
    plan.kind === 'convert' &&
    roundFloat64 !== 'never' &&
    isBetweenFloats(plan.datatype, plan.dtype);
  if (plan.kind === 'convert' && !isLabel) {
    const numbers = yield* readElements(data, datatypeSink(name, plan.datatype, data));
    return yield* converted(plan, name, shape, numbers, false);
  }
  const dtype = plan.kind === 'bytes' ? 'string' : plan.dtype;
  const strings = plan.kind === 'bytes' && plan.images ? IMAGE_STRINGS : STRINGS;
  const elements = yield* readElements(data, sinkOf(dtype, data.maxValues, true, strings));
  return counted({ name, dtype, shape, data: elements });
}

/** What is wrong with a value says which input it is of. */
function* named<T>(name: string, work: Steps<T>): Steps<T> {
  try {
    return yield* work;
  } catch (thrown) {
    if (!(thrown instanceof ServingError) || thrown.message.startsWith('input ')) throw thrown;
    throw new ServingError(thrown.code, `input "${name}": ${thrown.message}`);
  }
}

type Plan =
  | { readonly kind: 'bytes'; readonly images: boolean }
  | {
      readonly kind: 'same';
      readonly datatype: NumericDatatype;
      readonly dtype: NumericDType;
    }
  | {
      readonly kind: 'convert';
      readonly datatype: NumericDatatype;
      readonly dtype: ConvertedDType;
    };

/** What makes an input of this data type into one that the signature takes. */
function planOf(target: TensorTarget, spec: TensorSpec, datatype: Datatype): Plan {
  const { name, dtype, tfDtype } = spec;
  if (datatype === 'BYTES') {
    const images = target.imageInput === name && dtype !== 'string';
    if (dtype === 'string' || images) return { kind: 'bytes', images };
  } else if (dtype !== undefined && dtype !== 'string') {
    if (datatypeOf(dtype) === datatype) return { kind: 'same', datatype, dtype };
    if (convertible(datatype, dtype)) return { kind: 'convert', datatype, dtype };
  }
  throw invalid(
    dtype === undefined
      ? notCarried('input', spec)
      : `input "${name}" has the data type ${datatype}, and the model takes ${datatypeName(tfDtype)}`,
  );
}

function* converted(
  { dtype, datatype }: Extract<Plan, { kind: 'convert' }>,
  name: string,
  shape: readonly number[],
  numbers: NumberArray,
  roundFloats: boolean,
): Steps<Tensor> {
  const rounds = roundFloats && isBetweenFloats(datatype, dtype);
  const data = yield* convertNumbers(name, datatype, numbers, dtype, { rounds });
  return counted({ name, dtype, shape, data });
}

/** Any byte but 0 is true for Triton, perf_analyzer sends such, and TensorFlow wants 1. */
function* truthful(dtype: Tensor['dtype'], data: NumericData): Steps<NumericData> {
  if (dtype !== 'bool' || !(data instanceof Uint8Array)) return data;
  for (let i = 0; i < data.length; i++) {
    // The body is read once: what is mended stays there.
    if ((data[i] ?? 0) > 1) data[i] = 1;
    if (i % STEP_ELEMENTS === 0) yield;
  }
  return data;
}

function counted(tensor: Tensor): Tensor {
  const { name, shape, data } = tensor;
  const expected = elementCount(shape);
  if (data.length === expected) return tensor;
  throw invalid(
    `input "${name}" of shape ${formatShape(shape)} holds ${expected} values and was given ${data.length}`,
  );
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_INPUT', message);
}
