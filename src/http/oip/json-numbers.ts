import { ServingError } from '../../kernel/errors';
import { fromHalf } from '../../kernel/half-floats';
import type { JsonCursor } from '../json/json-cursor';
import { previewAt } from '../json/json-preview';
import type { JsonSlice } from '../json/json-slice';
import {
  bigIntWithin,
  float32At,
  float64At,
  halfAt,
  integerWithin,
  numberSink,
  type ElementSink,
} from '../tensors/element-sink';
import type { NumberArray, NumericDatatype } from './number-arrays';

/**
 * Takes numbers of a data type that the runtime does not carry itself out of JSON.
 * @param name of the input, for messages
 * @throws ServingError INVALID_INPUT; its `read` too, for what is not a number of that type
 */
export function datatypeSink(
  name: string,
  datatype: NumericDatatype,
  { maxValues }: JsonSlice,
): ElementSink<NumberArray> {
  const refuse = (cursor: JsonCursor): ServingError =>
    new ServingError(
      'INVALID_INPUT',
      `input "${name}" of ${datatype} was given ${previewAt(cursor).text}`,
    );
  const whole = (
    make: (length: number) => Exclude<NumberArray, BigInt64Array | BigUint64Array>,
    low: number,
    high: number,
  ): ElementSink<NumberArray> => numberSink(make, maxValues, integerWithin(low, high, refuse));
  switch (datatype) {
    case 'INT8':
      return whole((length) => new Int8Array(length), -128, 127);
    case 'UINT8':
    case 'BOOL':
      return whole((length) => new Uint8Array(length), 0, 255);
    case 'INT16':
      return whole((length) => new Int16Array(length), -32_768, 32_767);
    case 'UINT16':
      return whole((length) => new Uint16Array(length), 0, 65_535);
    case 'INT32':
      return whole((length) => new Int32Array(length), -(2 ** 31), 2 ** 31 - 1);
    case 'UINT32':
      return whole((length) => new Uint32Array(length), 0, 2 ** 32 - 1);
    case 'INT64':
      return numberSink(
        (length) => new BigInt64Array(length),
        maxValues,
        bigIntWithin(-(2n ** 63n), 2n ** 63n - 1n, refuse),
      );
    case 'UINT64':
      return numberSink(
        (length) => new BigUint64Array(length),
        maxValues,
        bigIntWithin(0n, 2n ** 64n - 1n, refuse),
      );
    case 'FP32':
      return numberSink((length) => new Float32Array(length), maxValues, float32At);
    case 'FP64':
      return numberSink(
        (length) => new Float64Array(length),
        maxValues,
        (cursor) => float64At(cursor, refuse),
      );
    case 'FP16':
    case 'BF16': {
      const type = datatype === 'FP16' ? 'float16' : 'bfloat16';
      return numberSink(
        (length) => new Float32Array(length),
        maxValues,
        (cursor) => fromHalf(halfAt(cursor, type), type),
      );
    }
  }
}
