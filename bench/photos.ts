import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import sharp from 'sharp';

import { PHOTOS, cacheFolder } from './paths';

/** As they are in the fixtures (about 0.2 megapixels), 160 × 120 thumbnails, or 12 megapixels. */
export type PhotoSize = 'small' | 'thumbnail' | 'large';

/** 12 megapixels, as a telephone takes them. */
const LARGE = { width: 4000, height: 3000 };
const THUMBNAIL = { width: 160, height: 120 };

/** Photos of the fixtures, or versions of them made once and kept in the cache. */
export async function photosOf(size: PhotoSize): Promise<readonly string[]> {
  const names = (await readdir(PHOTOS)).filter((name) => name.endsWith('.jpg')).sort();
  const small = names.map((name) => path.join(PHOTOS, name));
  if (size === 'small') return small;
  return Promise.all(small.map(size === 'large' ? enlarged : reduced));
}

/** The photo that every contender must recognise before it is measured, and its class. */
export async function knownPhoto(): Promise<{ readonly file: string; readonly index: number }> {
  const file = path.join(PHOTOS, 'coffee.jpg');
  const labels = await readFile(
    path.join(PHOTOS, '../../../saved_models/efficientnet-lite0/labels.txt'),
    'utf8',
  );
  return { file, index: labels.split('\n').indexOf('espresso') };
}

function reduced(file: string): Promise<string> {
  return cached(`thumbnail-${path.basename(file)}`, () =>
    sharp(file)
      .resize({ ...THUMBNAIL, fit: 'cover' })
      .jpeg({ quality: 90 })
      .toBuffer(),
  );
}

function enlarged(file: string): Promise<string> {
  return cached(`12mp-${path.basename(file)}`, () => withGrain(file));
}

async function cached(name: string, make: () => Promise<Buffer>): Promise<string> {
  const folder = path.join(cacheFolder(), 'photos');
  const target = path.join(folder, name);
  if (await exists(target)) return target;
  await mkdir(folder, { recursive: true });
  await writeFile(target, await make());
  return target;
}

async function withGrain(file: string): Promise<Buffer> {
  // Grain, so that the file is as large as a camera's: an enlargement alone has nothing to store.
  const grain = sharp({
    create: {
      ...LARGE,
      channels: 3,
      background: '#808080',
      noise: { type: 'gaussian', mean: 128, sigma: 12 },
    },
  });
  return sharp(file)
    .resize({ ...LARGE, fit: 'fill' })
    .toColourspace('srgb')
    .composite([{ input: await grain.png().toBuffer(), blend: 'soft-light' }])
    .jpeg({ quality: 90 })
    .toBuffer();
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
