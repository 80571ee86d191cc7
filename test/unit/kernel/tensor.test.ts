import {
  bytesPerElement,
  DTYPES,
  entriesPerElement,
  typedArrayOver,
  type DType,
} from '../../../src/kernel/element-types';
import { elementCount, formatShape } from '../../../src/kernel/tensor';

const NUMERIC = DTYPES.filter((dtype) => dtype !== 'string');

test.each([
  [[], 1],
  [[3], 3],
  [[2, 3, 4], 24],
  [[5, 0], 0],
])('the shape %j has %p elements', (shape, count) => {
  expect(elementCount(shape)).toBe(count);
});

test.each<[DType, number, number]>([
  ['float32', 4, 1],
  ['int32', 4, 1],
  ['int64', 8, 1],
  ['uint8', 1, 1],
  ['bool', 1, 1],
  ['complex64', 8, 2],
  ['string', 0, 1],
])('an element of %s has %p bytes in %p entries', (dtype, bytes, entries) => {
  expect(bytesPerElement(dtype)).toBe(bytes);
  expect(entriesPerElement(dtype)).toBe(entries);
});

test.each(NUMERIC)('an array of %s covers just its elements in the buffer', (dtype) => {
  const buffer = new ArrayBuffer(64);

  const array = typedArrayOver(dtype, buffer, 8, 3);

  expect(array.buffer).toBe(buffer);
  expect(array.byteOffset).toBe(8);
  expect(array).toHaveLength(3 * entriesPerElement(dtype));
  expect(array.byteLength).toBe(3 * bytesPerElement(dtype));
});

test.each([
  [[-1, 224, 224, 3], '[?, 224, 224, 3]'],
  [[], '[]'],
  [undefined, '[unknown rank]'],
])('the shape %j is written %s', (shape, text) => {
  expect(formatShape(shape)).toBe(text);
});
