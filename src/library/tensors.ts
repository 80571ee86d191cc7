import {
  datatypeOf as datatypeOfInput,
  type Datatype,
  type Tensor,
  type TensorInput,
} from '../client/tensors';
import { datatypeOf } from '../http/oip/datatypes';
import { eachByteString, joinByteStrings } from '../kernel/byte-strings';
import { DTYPES, type DType, type NumericData } from '../kernel/element-types';
import { ServingError } from '../kernel/errors';
import { elementCount, isByteStrings, type Tensor as ModelTensor } from '../kernel/tensor';

const TYPES = new Map<Datatype, DType>(
  DTYPES.flatMap((dtype) => {
    const datatype = datatypeOf(dtype);
    return datatype === undefined ? [] : [[datatype, dtype] as const];
  }),
);

/**
 * A tensor that a caller gave, as models are fed.
 * @throws ServingError INVALID_INPUT
 */
export function modelTensor(name: string, input: TensorInput): ModelTensor {
  const { shape } = input;
  const { dtype, data } = elementsOf(name, input);
  const { length } = data;
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ServingError('INVALID_INPUT', `input "${name}": its shape holds no sizes`);
  }
  if (length !== elementCount(shape)) {
    throw new ServingError(
      'INVALID_INPUT',
      `input "${name}" holds ${length} elements, and its shape [${shape.join(', ')}] has ${elementCount(shape)}`,
    );
  }
  return { name, dtype, shape, data };
}

function elementsOf(name: string, input: TensorInput): Pick<ModelTensor, 'dtype' | 'data'> {
  const { data } = input;
  let datatype: Datatype;
  try {
    datatype = datatypeOfInput(input);
  } catch (cause) {
    throw new ServingError(
      'INVALID_INPUT',
      `input "${name}": data is not an array of a known type`,
      {
        cause,
      },
    );
  }
  const dtype = TYPES.get(datatype) ?? 'float32';
  if (dtype === 'string') {
    const encoder = new TextEncoder();
    const strings = (data as readonly (string | Uint8Array)[]).map((element) =>
      typeof element === 'string' ? encoder.encode(element) : element,
    );
    return { dtype, data: joinByteStrings(strings) };
  }
  if (Array.isArray(data)) return { dtype, data: Uint8Array.from(data, Number) };
  return { dtype, data: data as NumericData };
}

/** A tensor that a model answered, as callers get it. */
export function answeredTensor({ dtype, shape, data }: ModelTensor): Tensor {
  return {
    // Complex numbers are not answered unless they are asked for, which fails before.
    datatype: datatypeOf(dtype) ?? 'BYTES',
    shape: [...shape],
    data: isByteStrings(data) ? [...eachByteString(data)] : data,
  } as Tensor;
}
