import sharp from 'sharp';

import type { Region } from '../../../../src/imaging/geometry';
import { ServingError } from '../../../../src/kernel/errors';
import { Semaphore } from '../../../../src/kernel/semaphore';
import type { Tensor } from '../../../../src/kernel/tensor';
import { tilesOf } from '../../../../src/tasks/image-to-image/tiles';
import type { PictureWish, TiledImage } from '../../../../src/tasks/task';

const SIGNAL = new AbortController().signal;
const INPUT = {
  inputName: 'x',
  fit: 'cover',
  padColor: '#000000',
  shrinkOnLoad: true,
  kernel: 'cubic',
  cropFraction: 1,
  colorOrder: 'rgb',
  layout: 'NHWC',
  dtype: 'float32',
  normalization: 'none',
} as const;

interface Asked {
  readonly overlap?: number;
  readonly multipleOf?: number;
  readonly wish?: PictureWish;
  readonly minSize?: number;
}

function tiles(width: number, height: number, asked: Asked = {}): TiledImage | undefined {
  const { overlap = 24, multipleOf = 1, wish = { format: 'png' }, minSize = 8 } = asked;
  return tilesOf(
    { width, height },
    {
      tiling: { size: 64, overlap, multipleOf, maxInFlight: undefined },
      input: { ...INPUT, size: { kind: 'dynamic', minSize, maxSize: 64, multipleOf } },
      output: { valueRange: [0, 255], layout: 'NHWC' },
      wish,
      imaging: new Semaphore(1),
    },
  );
}

/** A pixel of the picture that a perfect model would answer. */
function colour(x: number, y: number, channel: number): number {
  return (x * 7 + y * 13 + x * y + channel * 50) % 256;
}

/** What a model answers for a tile that takes from each pixel of the whole what lies there. */
function answered(
  { left, top, width, height }: Region,
  scale: number,
  value: (x: number, y: number, channel: number) => number = colour,
): Tensor {
  const [w, h] = [width * scale, height * scale];
  const data = new Float32Array(w * h * 3);
  for (let at = 0; at < data.length; at++) {
    const x = left * scale + (Math.floor(at / 3) % w);
    const y = top * scale + Math.floor(at / (3 * w));
    data[at] = value(x, y, at % 3);
  }
  return { name: 'y', dtype: 'float32', shape: [1, h, w, 3], data };
}

async function joined(
  tiled: TiledImage,
  answer: (region: Region, index: number) => Tensor,
): Promise<{ pixels: Buffer; width: number; height: number }> {
  const plan = tiled.plan(answer(tiled.first, 0));
  const { regions, size } = plan;
  const joiner = plan.join();
  for (const [index, region] of regions.entries()) await joiner.add(answer(region, index), SIGNAL);
  const { picture } = await joiner.answer();
  const pixels = await sharp(picture?.bytes).raw().toBuffer();
  return { pixels, ...size };
}

describe.each([1, 2, 4, 0.5])('at a scale of %d', (scale) => {
  test.each([
    [65, 64],
    [100, 65],
    [129, 200],
    [64, 301],
    [333, 20],
  ])('a picture of %d × %d is put together as a whole', async (width, height) => {
    const tiled = tiles(width, height, { multipleOf: scale < 1 ? 4 : 1 });
    if (tiled === undefined) throw new Error('it fits');

    const { pixels, ...size } = await joined(tiled, (region) => answered(region, scale));

    expect(size).toEqual({
      width: Math.round(width * scale),
      height: Math.round(height * scale),
    });
    expect(pixels.every((value, at) => value === colourAt(at, size.width))).toBe(true);
  });
});

function colourAt(at: number, width: number): number {
  return colour(Math.floor(at / 3) % width, Math.floor(at / (3 * width)), at % 3);
}

test('a model that halves has tiles that begin at even pixels, whatever model.json says', async () => {
  const tiled = tiles(131, 133, { overlap: 21 });
  if (tiled === undefined) throw new Error('it fits');

  const { pixels, ...size } = await joined(tiled, (region) => answered(region, 0.5));

  expect(size).toEqual({ width: 66, height: 67 });
  expect(pixels.every((value, at) => value === colourAt(at, size.width))).toBe(true);
});

test('where tiles differ they fade into each other', async () => {
  const tiled = tiles(140, 140);
  if (tiled === undefined) throw new Error('it fits');

  const { pixels, width } = await joined(tiled, (region, index) =>
    answered(region, 1, () => 30 * index),
  );

  const at = (x: number, y: number): number => pixels[(y * width + x) * 3] ?? NaN;
  let [across, down] = [0, 0];
  // Nine tiles from 0 to 240; a ramp has 8 pixels, for differences of 30 across and 90 down.
  for (let y = 0; y < 139; y++) {
    for (let x = 0; x < 139; x++) {
      across = Math.max(across, Math.abs(at(x + 1, y) - at(x, y)));
      down = Math.max(down, Math.abs(at(x, y + 1) - at(x, y)));
    }
  }
  expect(across).toBeLessThanOrEqual(5);
  expect(down).toBeLessThanOrEqual(13);
  expect([at(0, 0), at(70, 70), at(139, 139)]).toEqual([0, 120, 240]);
});

test('what fits is not cut, and what is too thin is refused', () => {
  expect(tiles(64, 64)).toBeUndefined();
  expect(tiles(3, 3)).toBeUndefined();
  expect(() => tiles(65, 3)).toThrow('sides of at least 8 pixels');
});

test('a model that does not scale evenly cannot be tiled', () => {
  const tiled = tiles(100, 100);
  const [w, h] = [62, 62];

  const plan = (): unknown =>
    tiled?.plan({
      name: 'y',
      dtype: 'float32',
      shape: [1, h, w, 3],
      data: new Float32Array(w * h * 3),
    });

  expect(plan).toThrow(ServingError);
  expect(plan).toThrow('it made 62×62 of 64×64 pixels');
});

test('a picture that the format cannot hold is refused before the tiles are run', () => {
  const tiled = tiles(9000, 64, { wish: { format: 'webp' } });

  expect(() => tiled?.plan(answered(tiled.first, 2))).toThrow('ask for jpeg or png');
});

test('a tile that comes out in another size than the first fails', async () => {
  const tiled = tiles(100, 64);
  if (tiled === undefined) throw new Error('it fits');
  const plan = tiled.plan(answered(tiled.first, 2));
  const joiner = plan.join();

  await expect(joiner.add(answered(tiled.first, 1), SIGNAL)).rejects.toThrow(
    'The model answered 64×64 pixels of 3 channels for one tile and 128×128 of 3 for the first',
  );
});
