import { crc32c, maskedCrc32c } from '../../../src/saved-model/checkpoint/crc32c';

test.each([
  ['the digits 1 to 9', Buffer.from('123456789'), 0xe3069283],
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['nothing', Buffer.alloc(0), 0],
])('CRC-32C of %s is that of RFC 3720', (_name, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

test('chunks count as one, and the mask turns the sum and adds a number', () => {
  const whole = crc32c(Buffer.from('hello world'));

  expect(crc32c(Buffer.from('hello '), Buffer.from('world'))).toBe(whole);
  const turned = ((whole >>> 15) | (whole << 17)) >>> 0;
  expect(maskedCrc32c(Buffer.from('hello world'))).toBe((turned + 0xa282ead8) % 2 ** 32);
});
