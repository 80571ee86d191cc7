import { ServingError } from '../../kernel/errors';
import type { TensorTarget } from '../../inference/tensor-inference';
import { elementCount, formatShape, type Tensor, type TensorSpec } from '../../kernel/tensor';
import { tensorFromFlat } from '../tensors/nested-json';
import { readByteElements } from './byte-elements';
import { isColumn } from './column-shape';
import { datatypeName, datatypeOf, type Datatype } from './datatypes';
import { convertExactly, convertible } from './exact-conversion';
import type { InferInput } from './infer-request';
import { numbersFromJson } from './json-numbers';
import { numbersOver, type NumberArray, type NumericDatatype } from './number-arrays';

/** JSON cannot hold the bytes of an image: they come as base64. */
const IMAGE_STRINGS = { b64Objects: true, base64: true };
const STRINGS = { b64Objects: false };

/**
 * The inputs of a request, whose bytes follow each other in `binary`.
 * @throws ServingError INVALID_INPUT naming the input
 */
export function inputTensors(
  target: TensorTarget,
  inputs: readonly InferInput[],
  binary: Uint8Array,
): Tensor[] {
  let at = 0;
  const tensors = inputs.map((given) => {
    const spec = specOf(target, given.name);
    const input = isColumn(spec, given.shape)
      ? { ...given, shape: given.shape.slice(0, 1) }
      : given;
    const size = input.parameters?.binary_data_size;
    if (size === undefined) return named(input.name, () => fromJson(target, spec, input));
    if (input.data !== undefined) {
      throw invalid(`input "${input.name}" has both "data" and binary_data_size`);
    }
    if (size > binary.byteLength - at) {
      throw invalid(
        `input "${input.name}" has a binary_data_size of ${size}, and ${binary.byteLength - at} bytes are left in the body`,
      );
    }
    at += size;
    return fromBytes(target, spec, input, binary.subarray(at - size, at));
  });
  if (at < binary.byteLength) {
    throw invalid(`the body has ${binary.byteLength - at} bytes after the inputs`);
  }
  return tensors;
}

function specOf({ signature }: TensorTarget, name: string): TensorSpec {
  const spec = signature.inputs.find((input) => input.name === name);
  if (spec !== undefined) return spec;
  const known = signature.inputs.map((input) => `"${input.name}"`).join(', ');
  throw invalid(`there is no input "${name}"; the signature takes ${known}`);
}

export function fromBytes(
  target: TensorTarget,
  spec: TensorSpec,
  { name, shape, datatype }: Pick<InferInput, 'name' | 'shape' | 'datatype'>,
  bytes: Uint8Array,
): Tensor {
  const plan = planOf(target, spec, datatype);
  if (plan.kind === 'bytes') {
    const data = readByteElements(name, bytes, !plan.images);
    return counted({ name, dtype: 'string', shape, data });
  }
  return fromNumbers(plan, name, shape, numbersOver(name, plan.datatype, bytes));
}

function fromJson(target: TensorTarget, spec: TensorSpec, input: InferInput): Tensor {
  const { name, shape, datatype, data } = input;
  if (data === undefined) {
    throw invalid(`input "${name}" has neither "data" nor the parameter binary_data_size`);
  }
  const plan = planOf(target, spec, datatype);
  if (plan.kind === 'bytes') {
    return tensorFromFlat(name, 'string', shape, data, plan.images ? IMAGE_STRINGS : STRINGS);
  }
  if (plan.kind === 'same') return tensorFromFlat(name, plan.dtype, shape, data, STRINGS);
  return fromNumbers(plan, name, shape, numbersFromJson(name, plan.datatype, data));
}

/** What is wrong with a value says which input it is of. */
function named<T>(name: string, work: () => T): T {
  try {
    return work();
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

function fromNumbers(
  plan: Exclude<Plan, { kind: 'bytes' }>,
  name: string,
  shape: readonly number[],
  numbers: NumberArray,
): Tensor {
  const { dtype, datatype } = plan;
  const data =
    plan.kind === 'same'
      ? // The data type of the plan is the runtime's: so is the array.
        truthful(dtype, numbers as Exclude<Tensor['data'], Uint8Array[]>)
      : convertExactly(name, datatype, numbers, plan.dtype);
  return counted({ name, dtype, shape, data });
}

/** Any byte but 0 is true for Triton, perf_analyzer sends such, and TensorFlow wants 1. */
function truthful(
  dtype: Tensor['dtype'],
  data: Exclude<Tensor['data'], Uint8Array[]>,
): Exclude<Tensor['data'], Uint8Array[]> {
  const odd = dtype === 'bool' && (data as Uint8Array).some((byte) => byte > 1);
  return odd ? (data as Uint8Array).map((byte) => (byte === 0 ? 0 : 1)) : data;
}

function counted(tensor: Tensor): Tensor {
  const { name, shape, data } = tensor;
  const expected = elementCount(shape);
  if (data.length === expected) return tensor;
  throw invalid(
    `input "${name}" of shape ${formatShape(shape)} holds ${expected} elements and was given ${data.length}`,
  );
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_INPUT', message);
}
