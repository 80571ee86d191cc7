import sharp from 'sharp';

import { encodeImage } from '../../../src/imaging/encode';
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
