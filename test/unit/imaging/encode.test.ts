import sharp from 'sharp';

import { encodeImage, IMAGE_MEDIA_TYPES } from '../../../src/imaging/encode';
import { CARD_COLORS, cardPixels, expectColors, quarterColors } from '../../support/pictures';

const SIZE = { width: 40, height: 30, channels: 3 } as const;

test.each(['png', 'jpeg', 'webp'] as const)(
  '%s holds the pixels that were given',
  async (format) => {
    const bytes = await encodeImage(cardPixels(40, 30), SIZE, { format, quality: 95 });

    expect(await sharp(bytes).metadata()).toMatchObject({
      format,
      width: 40,
      height: 30,
      channels: 3,
    });
    expectColors(
      quarterColors(await sharp(bytes).raw().toBuffer(), 40, 30),
      CARD_COLORS,
      format === 'png' ? 0 : 25,
    );
  },
);

test('one channel stays one channel', async () => {
  const bytes = await encodeImage(
    new Uint8Array(12).fill(77),
    { width: 4, height: 3, channels: 1 },
    { format: 'png' },
  );

  expect(await sharp(bytes).metadata()).toMatchObject({ width: 4, height: 3, channels: 1 });
});

test('a lower quality makes a smaller file', async () => {
  const noise = Uint8Array.from({ length: 3600 }, (_, i) => (i * 7919) % 256);

  const [good, poor] = await Promise.all([
    encodeImage(noise, SIZE, { format: 'jpeg', quality: 95 }),
    encodeImage(noise, SIZE, { format: 'jpeg', quality: 20 }),
  ]);

  expect(poor.length).toBeLessThan(good.length / 2);
});

test('pixels that do not fill the picture are refused', async () => {
  await expect(encodeImage(new Uint8Array(7), SIZE, { format: 'png' })).rejects.toThrow(
    '40×30×3 pixels are 3600 bytes, given 7',
  );
});

test.each([0, 101, 1.5, NaN])('a quality of %p is refused', async (quality) => {
  await expect(
    encodeImage(new Uint8Array(3600), SIZE, { format: 'jpeg', quality }),
  ).rejects.toThrow(`quality is a whole number from 1 to 100, given ${String(quality)}`);
});

test('transparency is kept where the format has it, and white in JPEG', async () => {
  const clear = new Uint8Array(8 * 8 * 4);
  const size = { width: 8, height: 8, channels: 4 } as const;

  const png = await sharp(await encodeImage(clear, size, { format: 'png' })).metadata();
  const jpeg = await sharp(await encodeImage(clear, size, { format: 'jpeg' }))
    .raw()
    .toBuffer();

  expect(png.hasAlpha).toBe(true);
  expect(Array.from(jpeg.subarray(0, 3))).toEqual([255, 255, 255]);
});

test('every format has its media type', () => {
  expect(IMAGE_MEDIA_TYPES).toEqual({ png: 'image/png', jpeg: 'image/jpeg', webp: 'image/webp' });
});
