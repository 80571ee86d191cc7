import * as tf from '@tensorflow/tfjs';

import { decodeWeights, type WeightSpec } from '../../../../src/commands/import/package/weights';
import { eachByteString } from '../../../../src/kernel/byte-strings';
import { isByteStrings } from '../../../../src/kernel/tensor';

const BYTES = Uint8Array.from({ length: 24 }, (_, i) => (i * 37) & 0xff);
const HALVES = Uint16Array.from([
  0, 0x8000, 0x3c00, 0xc2f1, 0x0001, 0x83ff, 0x7bff, 0x7c00, 0xfc00,
]);

function bytesOf(array: Uint16Array | Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

test.each<[string, WeightSpec, Uint8Array]>([
  ['float32', { name: 'w', shape: [2, 3], dtype: 'float32' }, BYTES],
  ['int32', { name: 'w', shape: [6], dtype: 'int32' }, BYTES],
  ['bool', { name: 'w', shape: [3], dtype: 'bool' }, Uint8Array.from([0, 1, 1])],
  [
    'uint8',
    {
      name: 'w',
      shape: [24],
      dtype: 'float32',
      quantization: { dtype: 'uint8', scale: 0.0131, min: -1.7 },
    },
    BYTES,
  ],
  [
    'uint16',
    {
      name: 'w',
      shape: [3, 4],
      dtype: 'float32',
      quantization: { dtype: 'uint16', scale: 3e-5, min: 0.2 },
    },
    BYTES,
  ],
  [
    'float16',
    { name: 'w', shape: [9], dtype: 'float32', quantization: { dtype: 'float16' } },
    bytesOf(HALVES),
  ],
  [
    'whole numbers in uint8',
    {
      name: 'w',
      shape: [24],
      dtype: 'int32',
      quantization: { dtype: 'uint8', scale: 1.5, min: -7 },
    },
    BYTES,
  ],
])('weights as %s are what TensorFlow.js reads', (_, spec, bytes) => {
  const expected = tf.io.decodeWeights(Uint8Array.from(bytes).buffer, [
    structuredClone(spec) as tf.io.WeightsManifestEntry,
  ]).w!;

  const weight = decodeWeights([spec], bytes).get('w');

  expect(weight?.shape).toEqual(expected.shape);
  expect(weight?.data).toEqual(expected.dataSync());
});

test('weights follow each other without gaps, strings included', () => {
  const text = Buffer.concat([Uint8Array.from([2, 0, 0, 0]), Buffer.from('hi'), Buffer.alloc(4)]);
  const weights = decodeWeights(
    [
      { name: 'flag', shape: [1], dtype: 'bool' },
      { name: 'text', shape: [2], dtype: 'string' },
      { name: 'number', shape: [], dtype: 'float32' },
    ],
    Buffer.concat([Uint8Array.from([1]), text, bytesOf(Float32Array.from([2.5]))]),
  );

  const strings = weights.get('text')!.data;
  expect(isByteStrings(strings) && [...eachByteString(strings)].map(String)).toEqual([
    '104,105',
    '',
  ]);
  expect(weights.get('number')!.data).toEqual(Float32Array.from([2.5]));
});

test.each<[string, WeightSpec, number, RegExp]>([
  [
    'too few bytes',
    { name: 'w', shape: [2], dtype: 'float32' },
    7,
    /end before the weight "w" does/,
  ],
  [
    'bytes that are left over',
    { name: 'w', shape: [2], dtype: 'float32' },
    9,
    /9 bytes, and the manifest 8/,
  ],
  [
    'a quantisation without its scale',
    { name: 'w', shape: [2], dtype: 'float32', quantization: { dtype: 'uint8', min: 0 } },
    2,
    /without "scale" and "min"/,
  ],
  [
    'halves that stand for whole numbers',
    { name: 'w', shape: [2], dtype: 'int32', quantization: { dtype: 'float16' } },
    4,
    /int32 cannot be quantised as float16/,
  ],
])('%s are refused', (_, spec, bytes, message) => {
  expect(() => decodeWeights([spec], new Uint8Array(bytes))).toThrow(message);
});
