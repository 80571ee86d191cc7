import { ServingError } from '../../kernel/errors';
import { preview } from '../json/parse-json';
import type { JsonValue } from '../json/lossless-json';
import type { NumberArray, NumericDatatype } from './number-arrays';

/**
 * Numbers of a data type that the runtime does not carry itself, from JSON lists.
 * @param name of the input, for messages
 * @throws ServingError INVALID_INPUT for what is no number of that type
 */
export function numbersFromJson(
  name: string,
  datatype: NumericDatatype,
  value: JsonValue,
): NumberArray {
  const values = flattened(value);
  const array = allocate(name, datatype, values.length);
  values.forEach((element, i) => {
    if (typeof element !== 'number' && typeof element !== 'bigint') {
      throw misfit(name, datatype, element);
    }
    if (array instanceof BigInt64Array || array instanceof BigUint64Array) {
      if (typeof element === 'number' && !Number.isInteger(element)) {
        throw misfit(name, datatype, element);
      }
      array[i] = BigInt(element);
      if (array[i] !== BigInt(element)) throw misfit(name, datatype, element);
    } else {
      array[i] = Number(element);
      const rounds = array instanceof Float64Array || array instanceof Float32Array;
      if (!rounds && array[i] !== Number(element)) throw misfit(name, datatype, element);
    }
  });
  return array;
}

/** Elements of nested lists; the parser has limited how deep they are. */
function flattened(value: JsonValue): readonly JsonValue[] {
  if (!Array.isArray(value)) return [value];
  const list = value as readonly JsonValue[];
  return list.some((inner) => Array.isArray(inner)) ? list.flatMap(flattened) : list;
}

function allocate(name: string, datatype: NumericDatatype, length: number): NumberArray {
  switch (datatype) {
    case 'INT8':
      return new Int8Array(length);
    case 'UINT8':
    case 'BOOL':
      return new Uint8Array(length);
    case 'INT16':
      return new Int16Array(length);
    case 'UINT16':
      return new Uint16Array(length);
    case 'INT32':
      return new Int32Array(length);
    case 'UINT32':
      return new Uint32Array(length);
    case 'INT64':
      return new BigInt64Array(length);
    case 'UINT64':
      return new BigUint64Array(length);
    case 'FP32':
      return new Float32Array(length);
    case 'FP64':
      return new Float64Array(length);
    case 'FP16':
    case 'BF16':
      throw new ServingError(
        'INVALID_INPUT',
        `input "${name}" of ${datatype} cannot come as JSON: send it as binary data`,
      );
  }
}

function misfit(name: string, datatype: NumericDatatype, value: JsonValue): ServingError {
  return new ServingError(
    'INVALID_INPUT',
    `input "${name}" of ${datatype} was given ${preview(value)}`,
  );
}
