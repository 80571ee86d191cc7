import fc from 'fast-check';

import { byteElementPieces, readByteElements } from '../../../../src/http/oip/byte-elements';
import { eachByteString, type ByteStrings } from '../../../../src/kernel/byte-strings';
import { atOnce } from '../../../../src/kernel/time-slices';
import { strings } from '../../../support/tensors';

const read = (bytes: Uint8Array): ByteStrings => atOnce(readByteElements('text', bytes));
const write = (elements: ByteStrings): Buffer => Buffer.concat([...byteElementPieces(elements)]);

test('elements come back as they were written, wherever they lie', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
      fc.nat(7),
      (elements, off) => {
        const moved = Buffer.concat([Buffer.alloc(off), write(strings(...elements))]).subarray(off);

        const found = [...eachByteString(read(moved))];

        expect(found.map((element) => [...element])).toEqual(elements.map((one) => [...one]));
      },
    ),
  );
});

test('a tensor that is cut anywhere but between two elements is refused', () => {
  const whole = write(strings('abc', '', 'de'));
  const between = [0, 7, 11, 17];

  for (let length = 0; length < whole.length; length++) {
    const cut = (): unknown => read(whole.subarray(0, length));
    if (between.includes(length)) expect(cut).not.toThrow();
    else expect(cut).toThrow(/input "text" of BYTES ends within its element \d/);
  }
});

test('a length beyond the body is refused without taking memory for it', () => {
  expect(() => read(Buffer.from([255, 255, 255, 255, 1]))).toThrow(/element 0/);
});

test('elements stay where they are', () => {
  const bytes = write(strings('abc'));

  expect(read(bytes).bytes).toBe(bytes);
});

test('millions of empty elements take eight bytes each', () => {
  const { length, bounds } = read(Buffer.alloc(4_000_000));

  expect([length, bounds.byteLength]).toEqual([1_000_000, 8_000_000]);
});
