import { ServingError } from '../../kernel/errors';
import type { TensorTarget } from '../../inference/tensor-request';
import {
  elementCount,
  formatShape,
  type NumericData,
  type Tensor,
  type TensorSpec,
} from '../../kernel/tensor';
import type { Steps } from '../../kernel/time-slices';
import { sinkOf } from '../tensors/element-sink';
import { readElements } from '../tensors/nested-reader';
import { readByteElements } from './byte-elements';
import { datatypeName, datatypeOf, type Datatype } from './datatypes';
import { convertExactly, convertible } from './exact-conversion';
import type { InferInput } from './infer-request';
import { datatypeSink } from './json-numbers';
import { numbersOver, type NumberArray, type NumericDatatype } from './number-arrays';

/** JSON cannot hold the bytes of an image: they come as base64. */
const IMAGE_STRINGS = { b64Objects: true, base64: true };
const STRINGS = { b64Objects: false };
/** Elements that are handled between two pauses. */
const STEP_ELEMENTS = 65_536;

/**
 * The inputs of a request, whose bytes follow each other in `binary`.
 * @throws ServingError INVALID_INPUT naming the input
 */
export function* inputTensors(
  target: TensorTarget,
  inputs: readonly InferInput[],
  binary: Uint8Array,
): Steps<Tensor[]> {
  let at = 0;
  const tensors: Tensor[] = [];
  for (const input of inputs) {
    const spec = specOf(target, input.name);
    const size = input.parameters?.binary_data_size;
    if (size === undefined) {
      tensors.push(yield* named(input.name, fromJson(target, spec, input)));
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
    tensors.push(yield* fromBytes(target, spec, input, binary.subarray(at - size, at)));
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
  target: TensorTarget,
  spec: TensorSpec,
  { name, shape, datatype }: Pick<InferInput, 'name' | 'shape' | 'datatype'>,
  bytes: Uint8Array,
): Steps<Tensor> {
  const plan = planOf(target, spec, datatype);
  if (plan.kind === 'bytes') {
    const data = yield* readByteElements(name, bytes);
    return counted({ name, dtype: 'string', shape, data });
  }
  const numbers = yield* numbersOver(name, plan.datatype, bytes);
  return yield* fromNumbers(plan, name, shape, numbers);
}

function* fromJson(target: TensorTarget, spec: TensorSpec, input: InferInput): Steps<Tensor> {
  const { name, shape, datatype, data } = input;
  if (data === undefined) {
    throw invalid(`input "${name}" has neither "data" nor the parameter binary_data_size`);
  }
  const plan = planOf(target, spec, datatype);
  if (plan.kind === 'convert') {
    const numbers = yield* readElements(data, datatypeSink(name, plan.datatype, data));
    return yield* fromNumbers(plan, name, shape, numbers);
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
      readonly dtype: Exclude<Tensor['dtype'], 'string'>;
    }
  | {
      readonly kind: 'convert';
      readonly datatype: NumericDatatype;
      readonly dtype: 'float32' | 'int32' | 'int64' | 'uint8';
    };

/** What makes an input of this data type into one that the signature takes. */
function planOf(
  target: TensorTarget,
  { name, dtype, tfDtype }: TensorSpec,
  datatype: Datatype,
): Plan {
  if (datatype === 'BYTES') {
    const images = target.imageInput === name && dtype !== 'string';
    if (dtype === 'string' || images) return { kind: 'bytes', images };
  } else if (dtype !== undefined && dtype !== 'string') {
    if (datatypeOf(dtype) === datatype) return { kind: 'same', datatype, dtype };
    if (dtype !== 'bool' && dtype !== 'complex64' && convertible(datatype, dtype)) {
      return { kind: 'convert', datatype, dtype };
    }
  }
  throw invalid(
    dtype === undefined
      ? `input "${name}" has type ${tfDtype}, which cannot be carried`
      : `input "${name}" has the data type ${datatype}, and the model takes ${datatypeName(tfDtype)}`,
  );
}

function* fromNumbers(
  plan: Exclude<Plan, { kind: 'bytes' }>,
  name: string,
  shape: readonly number[],
  numbers: NumberArray,
): Steps<Tensor> {
  const { dtype, datatype } = plan;
  const data =
    plan.kind === 'same'
      ? // The data type of the plan is the runtime's: so is the array.
        yield* truthful(dtype, numbers as NumericData)
      : yield* convertExactly(name, datatype, numbers, plan.dtype);
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
