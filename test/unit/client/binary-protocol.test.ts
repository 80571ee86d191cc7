import fc from 'fast-check';

import { decodeInfer, encodeInfer } from '../../../src/client/binary-protocol';
import { datatypeOf, textOf, type Tensor, type TensorInput } from '../../../src/client/tensors';

interface WireTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly parameters: { readonly binary_data_size: number };
}

/** What a server would read. */
function read(encoded: ReturnType<typeof encodeInfer>): {
  json: { inputs: WireTensor[]; outputs?: unknown; parameters: unknown };
  rest: Uint8Array;
} {
  const length = Number(encoded.headers['Inference-Header-Content-Length']);
  const json = JSON.parse(Buffer.from(encoded.body.subarray(0, length)).toString('utf8'));
  return { json, rest: encoded.body.subarray(length) };
}

/** An answer that holds the inputs as they came. */
function echo(inputs: Readonly<Record<string, TensorInput>>): Readonly<Record<string, Tensor>> {
  const { json, rest } = read(encodeInfer({ inputs }));
  const head = Buffer.from(
    JSON.stringify({ model_name: 'echo', model_version: '3', outputs: json.inputs }),
  );
  const body = new Uint8Array([...head, ...rest]).buffer;
  return decodeInfer(body, String(head.length)).outputs;
}

test('a request is JSON with the sizes, then the bytes of the inputs in order', () => {
  const { json, rest } = read(
    encodeInfer({
      inputs: {
        x: { shape: [2], data: Float32Array.of(1, 2) },
        on: { shape: [2], data: [true, false] },
        text: { shape: [1, 2], data: ['é', ''] },
      },
      outputs: ['y'],
      parameters: { priority: 1 },
    }),
  );

  expect(json).toEqual({
    inputs: [
      { name: 'x', shape: [2], datatype: 'FP32', parameters: { binary_data_size: 8 } },
      { name: 'on', shape: [2], datatype: 'BOOL', parameters: { binary_data_size: 2 } },
      { name: 'text', shape: [1, 2], datatype: 'BYTES', parameters: { binary_data_size: 10 } },
    ],
    outputs: [{ name: 'y' }],
    parameters: { priority: 1, binary_data_output: true },
  });
  const bytes = [0, 0, 128, 63, 0, 0, 0, 64, 1, 0, 2, 0, 0, 0, 195, 169, 0, 0, 0, 0];
  expect([...rest]).toEqual(bytes);
});

test('only the part of a buffer that an array shows is sent', () => {
  const whole = Int32Array.of(1, 2, 3, 4);
  const { rest } = read(encodeInfer({ inputs: { x: { shape: [2], data: whole.subarray(1, 3) } } }));

  expect([...rest]).toEqual([2, 0, 0, 0, 3, 0, 0, 0]);
});

test('every kind of number comes back as it was sent, wherever it lies in the body', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.oneof(
        fc.float32Array(),
        fc.float64Array(),
        fc.int8Array(),
        fc.uint8Array(),
        fc.int16Array(),
        fc.uint16Array(),
        fc.int32Array(),
        fc.uint32Array(),
        fc.bigInt64Array(),
        fc.bigUint64Array(),
      ),
      (text, data) => {
        // Texts of any length in front put the numbers at any offset.
        const outputs = echo({
          text: { shape: [1], data: [text] },
          numbers: { shape: [data.length], data },
        });

        expect(outputs.numbers?.data).toEqual(data);
        expect(outputs.numbers?.datatype).toBe(datatypeOf({ shape: [], data }));
        expect(textOf((outputs.text?.data as Uint8Array[])[0])).toBe(
          new TextDecoder().decode(new TextEncoder().encode(text)),
        );
      },
    ),
    { seed: 1 },
  );
});

test('a Uint8Array is BOOL where it says so', () => {
  const { on } = echo({ on: { shape: [2], datatype: 'BOOL', data: Uint8Array.of(1, 0) } });

  expect(on).toEqual({ datatype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) });
});

describe('an answer that is none', () => {
  const answer = (json: unknown, bytes = 0): [ArrayBuffer, string] => {
    const head = Buffer.from(JSON.stringify(json));
    return [new Uint8Array([...head, ...Buffer.alloc(bytes)]).buffer, String(head.length)];
  };
  const output = (datatype: string, size?: number): unknown => ({
    model_name: 'm',
    outputs: [
      {
        name: 'y',
        shape: [1],
        datatype,
        ...(size === undefined ? {} : { parameters: { binary_data_size: size } }),
      },
    ],
  });

  test.each([
    ['no JSON', [new TextEncoder().encode('<html>').buffer, null] as const],
    ['JSON of something else', answer({ outputs: 1 })],
    ['tensors as text', answer(output('FP32'))],
    ['too few bytes', answer(output('FP32', 4), 3)],
    ['bytes of half a number', answer(output('FP32', 3), 3)],
    ['a type without an array', answer(output('FP8', 2), 2)],
    ['an element of text that ends early', answer(output('BYTES', 5), 3)],
  ])('%s is an error', (_what, [body, length]) => {
    expect(() => decodeInfer(body, length)).toThrow();
  });
});
