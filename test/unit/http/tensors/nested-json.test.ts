import fc from 'fast-check';

import { tensorFromFlat, tensorFromNested } from '../../../../src/http/tensors/nested-json';
import { flatJson, nestedJson } from '../../../../src/http/tensors/tensor-text';
import type { DType, Tensor } from '../../../../src/kernel/tensor';

const STRINGS = { b64Objects: true };

function floats(shape: readonly number[], values: readonly number[]): Tensor {
  return { name: 'x', dtype: 'float32', shape, data: Float32Array.from(values) };
}

test('a tensor written and read is the same tensor', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }).chain((shape) => {
        const size = shape.reduce((product, side) => product * side, 1);
        return fc.record({
          shape: fc.constant(shape),
          values: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
            minLength: size,
            maxLength: size,
          }),
        });
      }),
      ({ shape, values }) => {
        const tensor = floats(shape, values);
        const nested = JSON.parse(nestedJson(tensor, false)) as number[];
        expect(tensorFromNested('x', 'float32', nested, STRINGS)).toEqual(tensor);
        const flat = JSON.parse(flatJson(tensor, false)) as number[];
        expect(tensorFromFlat('x', 'float32', shape, flat, STRINGS)).toEqual(tensor);
      },
    ),
  );
});

test('a tensor with no elements keeps its shape', () => {
  expect(nestedJson(floats([2, 0], []), false)).toBe('[[],[]]');
  expect(tensorFromNested('x', 'float32', [[], []], STRINGS).shape).toEqual([2, 0]);
});

test.each<[string, DType, unknown, RegExp]>([
  ['uneven lists', 'float32', [[1, 2], [3]], /unexpected size: 1 at level: 1 expected size: 2/],
  ['a value among lists', 'float32', [[1], 2], /not of expected type: float/],
  ['a list among values', 'float32', [1, [2]], /unexpected level: 1/],
  ['a fraction as int32', 'int32', [1.5], /1.5.*not of expected type: int32/],
  ['an int32 out of range', 'int32', [2 ** 31], /not of expected type: int32/],
  ['a uint8 out of range', 'uint8', [256], /not of expected type: uint8/],
  ['a negative uint8', 'uint8', [-1], /not of expected type: uint8/],
  ['an int64 out of range', 'int64', [2n ** 63n], /not of expected type: int64/],
  ['a number as bool', 'bool', [2], /not of expected type: bool/],
  ['a number as string', 'string', [1], /not of expected type: string/],
  ['null', 'float32', [null], /Type: Null is not of expected type: float/],
  ['a float32 out of range', 'float32', [1e39], /without loss of precision/],
  ['broken base64', 'string', [{ b64: '!' }], /Unable to base64 decode/],
  [
    'more than bytes in an object',
    'string',
    [{ b64: 'AA==', c: 1 }],
    /not of expected type: string/,
  ],
])('%s is refused', (_what, dtype, value, message) => {
  expect(() => tensorFromNested('x', dtype, value as never, STRINGS)).toThrow(message);
});

test('a flat list has to fill its shape', () => {
  expect(() => tensorFromFlat('x', 'int32', [2, 2], [1, 2, 3], STRINGS)).toThrow(
    'input "x" of shape [2, 2] holds 4 values and was given 3',
  );
});

test('a flat tensor may come nested', () => {
  const tensor = tensorFromFlat(
    'x',
    'int32',
    [4],
    [
      [1, 2],
      [3, 4],
    ],
    STRINGS,
  );

  expect(tensor).toMatchObject({ shape: [4], data: Int32Array.of(1, 2, 3, 4) });
});

test('bytes come from text or base64, and go back as asked', () => {
  const tensor = tensorFromNested('x', 'string', ['é', { b64: 'AP8=' }], STRINGS);

  expect(tensor.data).toEqual([Buffer.from('é'), Buffer.from([0, 255])]);
  expect(nestedJson(tensor, true)).toBe('[{"b64":"w6k="},{"b64":"AP8="}]');
  expect(nestedJson({ ...tensor, shape: [1], data: [Buffer.from('é')] }, false)).toBe('["é"]');
});
