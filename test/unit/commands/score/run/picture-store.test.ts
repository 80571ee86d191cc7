import fc from 'fast-check';

import { pictureName } from '../../../../../src/commands/score/run/picture-store';

const name = (path: string, format: 'png' | 'jpeg' = 'png'): string =>
  pictureName(Buffer.from(path), format).toString();

test('the format is added: pictures of a.jpg and a.png do not meet', () => {
  expect(name('birds/a.jpg')).toBe('birds/a.jpg.png');
  expect(name('birds/a.png')).toBe('birds/a.png.png');
  expect(name('a.png', 'jpeg')).toBe('a.png.jpg');
});

test('names that would be too long are cut, between characters, and stay apart', () => {
  const long = `${'é'.repeat(125)}.jpg`;

  const cut = name(`folder/${long}`);

  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual('folder/'.length + 255);
  expect(cut).toMatch(/^folder\/é+-[0-9a-f]{16}\.png$/);
  expect(cut).not.toBe(name(`folder/${'é'.repeat(124)}e.jpg`));
});

test('no name is too long, and none leaves its folder', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 255 }), (bytes) => {
      const input = Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte)));
      const output = pictureName(Buffer.concat([Buffer.from('f/'), input]), 'png');
      expect(output.length).toBeLessThanOrEqual(257);
      expect(output.lastIndexOf(0x2f)).toBe(1);
    }),
  );
});
