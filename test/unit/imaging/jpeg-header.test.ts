import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';

import { plainJpegHeader } from '../../../src/imaging/jpeg-header';
import { card } from '../../support/pictures';

const plain = (image: Sharp): Promise<Buffer> => image.jpeg().toBuffer();

test.each([
  ['baseline', () => plain(card(60, 40)), 3],
  ['progressive', () => card(60, 40).jpeg({ progressive: true }).toBuffer(), 3],
  ['without subsampling', () => card(60, 40).jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(), 3],
  ['with a colour profile', () => plain(card(60, 40).withIccProfile('p3')), 3],
  ['upright by EXIF', () => plain(card(60, 40).withMetadata({ orientation: 1 })), 3],
  ['with EXIF without orientation', () => plain(card(60, 40).withExif({ IFD0: { Make: 'X' } })), 3],
])('a %s JPEG is read', async (_, make, channels) => {
  expect(plainJpegHeader(await make())).toEqual({ width: 60, height: 40, channels });
});

test('a grey JPEG is read', async () => {
  const grey = await plain(card(60, 40).toColourspace('b-w'));

  expect(plainJpegHeader(grey)).toEqual({ width: 60, height: 40, channels: 1 });
});

test('big-endian EXIF is read', async () => {
  const file = await plain(card(60, 40));
  const exif = (orientation: number): Buffer =>
    Buffer.from([
      ...[0xff, 0xe1, 0, 34, ...Buffer.from('Exif\0\0MM'), 0, 42, 0, 0, 0, 8, 0, 1],
      ...[0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0],
    ]);
  const withExif = (orientation: number): Buffer =>
    Buffer.concat([file.subarray(0, 2), exif(orientation), file.subarray(2)]);

  expect((await sharp(withExif(6)).metadata()).orientation).toBe(6);
  expect(plainJpegHeader(withExif(1))).toBeDefined();
  expect(plainJpegHeader(withExif(6))).toBeUndefined();
});

test.each([2, 3, 4, 5, 6, 7, 8])('orientation %i is left to libvips', async (orientation) => {
  const file = await plain(card(60, 40).withMetadata({ orientation }));

  expect(plainJpegHeader(file)).toBeUndefined();
});

test('CMYK is left to libvips', async () => {
  const file = await plain(card(60, 40).toColourspace('cmyk'));

  expect(plainJpegHeader(file)).toBeUndefined();
});

test('whatever stands in a header, libvips reads the same out of it or refuses it', async () => {
  const file = await plain(card(60, 40).withMetadata({ orientation: 1 }));
  const scan = file.indexOf(Buffer.from([0xff, 0xda]));
  const changes = fc.array(
    fc.record({
      at: fc.integer({ min: 2, max: scan + 12 }),
      value: fc.integer({ min: 0, max: 255 }),
    }),
    { minLength: 1, maxLength: 3 },
  );

  await fc.assert(
    fc.asyncProperty(changes, async (bytes) => {
      const changed = Buffer.from(file);
      for (const { at, value } of bytes) changed[at] = value;
      const read = plainJpegHeader(changed);
      const reference = await sharp(changed)
        .metadata()
        .catch(() => undefined);
      if (read === undefined || reference === undefined) return;
      const { width, height, channels, hasAlpha, orientation = 1 } = reference;
      expect({ ...read, hasAlpha: false, orientation: 1 }).toEqual({
        ...{ width, height, channels, hasAlpha },
        orientation: orientation >= 1 && orientation <= 8 ? orientation : 1,
      });
    }),
    { numRuns: 2000 },
  );
});

test('a file cut off anywhere in its header is left to libvips', async () => {
  const file = await plain(card(60, 40));
  const scan = file.indexOf(Buffer.from([0xff, 0xda]));

  for (let length = 0; length < scan + 4; length++) {
    expect(plainJpegHeader(file.subarray(0, length))).toBeUndefined();
  }
});
