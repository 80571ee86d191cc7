import fc from 'fast-check';

import { assembleBatch, splitOutputs } from '../../../src/batching/assemble';
import { eachByteString } from '../../../src/kernel/byte-strings';
import { isByteStrings, sliceRows, type Tensor } from '../../../src/kernel/tensor';
import { floats, numbersOf, strings } from '../../support/tensors';

function tensor(dtype: Tensor['dtype'], shape: readonly number[], data: Tensor['data']): Tensor {
  return { name: 'x', dtype, shape, data };
}

/** Memory with something in it already. */
function allocate(bytes: number): Uint8Array<ArrayBuffer> {
  const inTheMiddle = new Uint8Array(new ArrayBuffer(bytes + 64), 64, bytes);
  return inTheMiddle.fill(99);
}

function elementsOf(data: Tensor['data'] = new Uint8Array()): unknown[] {
  return isByteStrings(data)
    ? Array.from(eachByteString(data), (bytes) => Buffer.from(bytes).toString())
    : Array.from<unknown>(data);
}

describe('assembleBatch', () => {
  const cases: Record<string, { parts: Tensor[]; padded: readonly unknown[] }> = {
    float32: {
      parts: [
        tensor('float32', [1, 2], Float32Array.of(1, 2)),
        tensor('float32', [1, 2], Float32Array.of(3, 4)),
      ],
      padded: [1, 2, 3, 4, 1, 2, 1, 2],
    },
    int32: {
      parts: [
        tensor('int32', [1, 1], Int32Array.of(-1)),
        tensor('int32', [2, 1], Int32Array.of(2, 3)),
      ],
      padded: [-1, 2, 3, -1],
    },
    int64: {
      parts: [
        tensor('int64', [1], BigInt64Array.of(2n ** 60n)),
        tensor('int64', [1], BigInt64Array.of(-5n)),
      ],
      padded: [2n ** 60n, -5n, 2n ** 60n, 2n ** 60n],
    },
    uint8: {
      parts: [
        tensor('uint8', [1, 3], Uint8Array.of(1, 2, 3)),
        tensor('uint8', [2, 3], Uint8Array.of(4, 5, 6, 7, 8, 9)),
      ],
      padded: [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3],
    },
    bool: {
      parts: [tensor('bool', [1], Uint8Array.of(1)), tensor('bool', [1], Uint8Array.of(0))],
      padded: [1, 0, 1, 1],
    },
    complex64: {
      parts: [
        tensor('complex64', [1, 1], Float32Array.of(1, 2)),
        tensor('complex64', [1, 1], Float32Array.of(3, 4)),
      ],
      padded: [1, 2, 3, 4, 1, 2, 1, 2],
    },
    string: {
      parts: [
        tensor('string', [1, 2], strings('a', 'bc')),
        tensor('string', [1, 2], strings('', 'd')),
      ],
      padded: ['a', 'bc', '', 'd', 'a', 'bc', 'a', 'bc'],
    },
  };

  test.each(Object.entries(cases))(
    'joins %s rows and pads with the first row',
    (_, { parts, padded }) => {
      const inputs = assembleBatch(
        parts.map((part) => [part]),
        4,
        allocate,
      );

      const [joined] = inputs;
      expect(joined?.shape).toEqual([4, ...(parts[0]?.shape.slice(1) ?? [])]);
      expect(joined?.dtype).toBe(parts[0]?.dtype);
      expect(joined?.data.constructor).toBe(parts[0]?.data.constructor);
      expect(elementsOf(joined?.data)).toEqual(padded);
    },
  );

  test('numbers are written into the memory that is given, and nowhere else', () => {
    const given: Uint8Array[] = [];
    const inputs = [floats('x', [1], [7]), tensor('uint8', [1, 3], Uint8Array.of(1, 2, 3))];

    const joined = assembleBatch([inputs], 2, (bytes) => {
      const memory = allocate(bytes);
      given.push(memory);
      return memory;
    });

    expect(given.map(({ byteLength }) => byteLength)).toEqual([8, 6]);
    expect(joined.map(({ data }) => (data as Uint8Array).buffer)).toEqual(
      given.map(({ buffer }) => buffer),
    );
    expect(joined.map(({ data }) => (data as Uint8Array).byteOffset)).toEqual([64, 64]);
  });

  test('data in the middle of a larger buffer is read from its place', () => {
    const view = Float32Array.of(0, 1, 2, 3).subarray(1, 3);

    const inputs = assembleBatch([[tensor('float32', [2], view)]], 2, allocate);

    expect(numbersOf(inputs[0])).toEqual([1, 2]);
  });

  test('rows without elements are joined as well', () => {
    const inputs = assembleBatch([[floats('x', [1, 0], [])]], 4, allocate);

    expect(inputs[0]).toMatchObject({ shape: [4, 0], data: new Float32Array() });
  });

  test('a batch of nothing is a mistake', () => {
    expect(() => assembleBatch([], 1, allocate)).toThrow('at least one request');
  });
});

describe('splitOutputs', () => {
  test('each request gets its rows of every output, and padding nobody', () => {
    const outputs = [floats('y', [4, 2], [1, 2, 3, 4, 5, 6, 0, 0]), floats('z', [4], [1, 2, 3, 0])];

    const [first, second] = splitOutputs(outputs, [1, 2], 4);

    expect(first).toEqual([floats('y', [1, 2], [1, 2]), floats('z', [1], [1])]);
    expect(second).toEqual([floats('y', [2, 2], [3, 4, 5, 6]), floats('z', [2], [2, 3])]);
  });

  test('an output without the rows of the batch is refused by name', () => {
    expect(() => splitOutputs([floats('mean', [1], [3])], [1, 1], 2)).toThrow(
      'output "mean" has shape [1] for 2 rows: its rows are not those of the inputs',
    );
    expect(() => splitOutputs([floats('scalar', [], [3])], [1], 1)).toThrow('output "scalar"');
  });
});

test.each([
  tensor('complex64', [3, 1], Float32Array.of(1, 2, 3, 4, 5, 6)),
  tensor('string', [3, 2], strings('a', 'b', 'c', 'd', 'e', 'f')),
  tensor('uint8', [3, 2], Uint8Array.of(1, 2, 3, 4, 5, 6)),
])('a slice of $dtype holds the elements of its rows', (whole) => {
  const slice = sliceRows(whole, 1, 1);

  expect(slice.shape).toEqual([1, ...whole.shape.slice(1)]);
  expect(elementsOf(slice.data)).toEqual(elementsOf(whole.data).slice(2, 4));
});

test('what was joined comes apart again, whatever the sizes and the padding', () => {
  const rows = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 });
  const rowShape = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 });
  const padding = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(rows, rowShape, padding, (rows, rowShape, padding) => {
      let next = 0;
      const requests = rows.map((count) => {
        const elements = rowShape.reduce((product, size) => product * size, count);
        return [
          tensor(
            'int32',
            [count, ...rowShape],
            Int32Array.from({ length: elements }, () => next++),
          ),
        ];
      });
      const paddedRows = rows.reduce((sum, count) => sum + count, padding);

      const inputs = assembleBatch(requests, paddedRows, allocate);

      expect(splitOutputs(inputs, rows, paddedRows)).toEqual(requests);
    }),
  );
});
