import fc from 'fast-check';

import { readByteElements, writeByteElements } from '../../../../src/http/oip/byte-elements';

test('elements come back as they were written, wherever they lie', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
      fc.nat(7),
      fc.boolean(),
      (elements, off, copy) => {
        const written = writeByteElements(elements);
        const moved = Buffer.concat([Buffer.alloc(off), written]).subarray(off);

        const read = readByteElements('text', moved, copy);

        expect(read.map((element) => [...element])).toEqual(elements.map((one) => [...one]));
      },
    ),
  );
});

test('a tensor that is cut anywhere but between two elements is refused', () => {
  const whole = writeByteElements([Buffer.from('abc'), Buffer.alloc(0), Buffer.from('de')]);
  const between = [0, 7, 11, 17];

  for (let length = 0; length < whole.length; length++) {
    const read = (): unknown => readByteElements('text', whole.subarray(0, length), true);
    if (between.includes(length)) expect(read).not.toThrow();
    else expect(read).toThrow(/input "text" of BYTES ends within its element \d/);
  }
});

test('a length beyond the body is refused without taking memory for it', () => {
  expect(() => readByteElements('text', Buffer.from([255, 255, 255, 255, 1]), true)).toThrow(
    /element 0/,
  );
});

test('copies have a buffer of their own, views have not', () => {
  const bytes = writeByteElements([Buffer.from('abc')]);

  const [copy] = readByteElements('text', bytes, true);
  const [view] = readByteElements('text', bytes, false);

  expect(copy?.buffer.byteLength).toBe(3);
  expect(view?.buffer).toBe(bytes.buffer);
});

test('more than a million elements are refused', () => {
  expect(() => readByteElements('text', Buffer.alloc(4_000_004), true)).toThrow(/1000000 elements/);
  expect(readByteElements('text', Buffer.alloc(4_000_000), true)).toHaveLength(1_000_000);
});
