import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';

import { inspectAvif } from '../../../src/imaging/avif/inspect-avif';
import { readImageHeader } from '../../../src/imaging/open-image';
import { card, CARD_COLORS, ENCODERS, expectColors } from '../../support/pictures';
import { AS_IS, decodedAsIs, LIMITS } from '../../support/decoding';
import { preprocessImage } from '../../../src/imaging/preprocess';

const fixture = (name: string): Buffer =>
  readFileSync(join(__dirname, '../../fixtures/avif', `${name}.avif`));

/** The grey ramp of the fixtures: 64 pixels from 0 to 255. */
const RAMP = Array.from({ length: 64 }, (_, x) => Math.floor((x * 255) / 63));

/** Levels in the middle row. */
async function levels(bytes: Uint8Array): Promise<number[]> {
  const { data } = await preprocessImage(bytes, { ...AS_IS, colorOrder: 'grayscale' }, LIMITS);
  return Array.from(data.subarray(8 * 64, 9 * 64), Number);
}

describe('grey', () => {
  test.each(['grey-full', 'grey-limited'])('%s decodes to the levels put in', async (name) => {
    const found = await levels(fixture(name));

    expect(Math.max(...found.map((level, x) => Math.abs(level - (RAMP[x] ?? NaN))))).toBeLessThan(
      4,
    );
  });

  test('the range is read from the picture’s own data where the container does not tell', () => {
    for (const name of ['grey-full', 'grey-limited']) {
      const bytes = fixture(name);
      bytes.write('free', bytes.indexOf('colr'), 'latin1');

      expect(inspectAvif(bytes).limitedGrey).toBe(name === 'grey-limited');
    }
  });

  test('coloured files and those of full range are left to libheif', async () => {
    const colour = await ENCODERS.avif(card());

    expect(inspectAvif(colour).limitedGrey).toBe(false);
    expect(inspectAvif(fixture('grey-full')).limitedGrey).toBe(false);
  });

  test('transparency beside grey of limited range is kept', async () => {
    const { data } = await preprocessImage(fixture('grey-limited-halfclear'), AS_IS, {
      ...LIMITS,
      background: '#ff8040',
    });

    const at = (x: number): number[] => Array.from(data.subarray((8 * 64 + x) * 3).subarray(0, 3));
    expectColors([at(48)], [[255, 128, 64]], 1);
    expectColors([at(0)], [[0, 0, 0]], 3);
  });
});

test('an animated file gives its first picture', async () => {
  const bytes = fixture('animated');
  expect(bytes.toString('latin1', 8, 12)).toBe('avis');

  const { width, height, colors } = await decodedAsIs(bytes);

  expect(await readImageHeader(bytes, LIMITS)).toEqual({ format: 'avif', width: 64, height: 48 });
  expect([width, height]).toEqual([64, 48]);
  expectColors(colors, CARD_COLORS, 12);
});

test('a film without a still picture is refused by name', async () => {
  const bytes = fixture('animated');
  bytes.write('free', bytes.indexOf('meta'), 'latin1');

  await expect(readImageHeader(bytes, LIMITS)).rejects.toMatchObject({
    code: 'UNSUPPORTED_IMAGE_FORMAT',
    message: expect.stringMatching(/is a film without a still picture; save its first picture/),
  });
});

test('a file of which only the head is there is called damaged', async () => {
  await expect(readImageHeader(fixture('animated').subarray(0, 60), LIMITS)).rejects.toMatchObject({
    code: 'UNDECODABLE_IMAGE',
  });
});

test('changed bytes are an image or a client’s error, and nothing else happens', () => {
  const files = ['animated', 'grey-limited', 'grey-limited-halfclear'].map(fixture);
  const change = fc.tuple(fc.nat({ max: 1200 }), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.nat({ max: 1300 }),
      (file, changes, cut) => {
        const bytes = Buffer.from(file.subarray(0, 16 + cut));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          inspectAvif(bytes);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'UNSUPPORTED_IMAGE_FORMAT' });
        }
      },
    ),
    { numRuns: 2000 },
  );
});
