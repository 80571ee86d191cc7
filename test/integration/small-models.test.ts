import { readFileSync } from 'node:fs';
import path from 'node:path';

import sharp from 'sharp';

import type { Service } from '../../src/compose';
import {
  FIXTURES,
  makeRepository,
  photo,
  removeFolder,
  shippedModel,
  startTestService,
} from '../support/service';

/**
 * The small models as they are served. That each answers as its source does is proven where it is
 * made, in scripts/export; these tests are about what becomes of that on the way through the server.
 */

let repository: string;
let service: Service;

beforeAll(async () => {
  const writer = path.join(FIXTURES, 'models', 'text_generator');
  repository = await makeRepository({
    'digit-generator': shippedModel('digit-generator'),
    'style-transfer': shippedModel('style-transfer'),
    nanodet: shippedModel('nanodet'),
    writer: { from: path.join(writer, '1'), settings: writer },
  });
  service = await startTestService({ modelRepository: repository, optimize: true });
}, 300_000);
afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
});

async function post(address: string, body: unknown): Promise<any> {
  const response = await fetch(service.url + address, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}

async function pixelsOf(picture: string | Buffer) {
  return sharp(typeof picture === 'string' ? Buffer.from(picture, 'base64') : picture)
    .raw()
    .toBuffer({ resolveWithObject: true });
}

/** A photo in few pixels, without loss. */
function small(name: string, width: number, height: number): Promise<Buffer> {
  return sharp(photo(name)).resize(width, height, { fit: 'fill' }).removeAlpha().png().toBuffer();
}

const b64 = (bytes: Buffer) => ({ b64: bytes.toString('base64') });

describe('digit-generator', () => {
  const means = JSON.parse(readFileSync(path.join(FIXTURES, 'digits.json'), 'utf8')) as number[][];

  /** The digit whose mean picture in scikit-learn's data is closest: right for 9 of 10 real ones. */
  async function read(picture: string): Promise<number> {
    const { data, info } = await pixelsOf(picture);
    // Back to the data's 8 x 8 of 0..16: means of blocks, without the margin of one block.
    const block = info.width / 10;
    const values = Array.from({ length: 64 }, (_, cell) => {
      let sum = 0;
      for (let y = 0; y < block; y++) {
        for (let x = 0; x < block; x++) {
          const row = (Math.floor(cell / 8) + 1) * block + y;
          sum += data[(row * info.width + ((cell % 8) + 1) * block + x) * info.channels]!;
        }
      }
      return (sum / block ** 2 / 255) * 16;
    });
    const distances = means.map((mean) =>
      mean.reduce((sum, value, cell) => sum + (value - values[cell]!) ** 2, 0),
    );
    return distances.indexOf(Math.min(...distances));
  }

  test('draws the digit that is asked for', async () => {
    const readings: [number, number][] = [];
    for (let label = 0; label < 10; label++) {
      const { results } = await post('/models/digit-generator/generate', { label, n: 10, seed: 1 });
      for (const { image } of results) readings.push([label, await read(image.b64)]);
    }

    expect(readings).toHaveLength(100);
    const right = readings.filter(([label, reading]) => label === reading);
    expect(right.length).toBeGreaterThanOrEqual(85);
  });

  test('the same seed draws the same picture, alone or among others', async () => {
    const several = await post('/models/digit-generator/generate', { label: 3, n: 3, seed: 8 });
    const alone = await post('/models/digit-generator/generate', { label: 3, seed: 9 });

    expect(several.results.map(({ seed }: any) => seed)).toEqual([8, 9, 10]);
    const [first, second] = await Promise.all(
      several.results.map(({ image }: any) => pixelsOf(image.b64)),
    );
    const one = await pixelsOf(alone.results[0].image.b64);
    expect(one.info).toMatchObject({ width: 80, height: 80 });
    const apart = (other: Buffer) => Math.max(...one.data.map((v, i) => Math.abs(v - other[i]!)));
    expect(apart(second.data)).toBeLessThanOrEqual(1);
    expect(apart(first.data)).toBeGreaterThan(50);
  });
});

describe('style-transfer', () => {
  // 4 divides neither side.
  const WIDTH = 87;
  const HEIGHT = 58;

  async function styled(style: unknown): Promise<Buffer> {
    const image = b64(await small('chelsea.jpg', WIDTH, HEIGHT));
    const { results } = await post('/models/style-transfer/generate', { image, style });
    const { data, info } = await pixelsOf(results[0].image.b64);
    expect(info).toMatchObject({ width: WIDTH, height: HEIGHT, channels: 3 });
    return data;
  }

  function meanDifference(a: Buffer, b: ArrayLike<number>): number {
    return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
  }

  test('the picture is what the graph answers for the same pixels and weights', async () => {
    const { data } = await pixelsOf(await small('chelsea.jpg', WIDTH, HEIGHT));
    const content = Array.from({ length: HEIGHT }, (_, y) =>
      Array.from({ length: WIDTH }, (_, x) => [
        ...data.subarray((y * WIDTH + x) * 3, (y * WIDTH + x) * 3 + 3),
      ]),
    );
    const weights = Array.from({ length: 26 }, (_, style) => Number(style === 4));
    const { predictions } = await post('/v1/models/style-transfer:predict', {
      instances: [{ content, weights }],
    });

    const expected = (predictions[0] as number[][][]).flat(2).map(Math.round);
    const picture = await styled('style-04');
    expect(Math.max(...picture.map((v, i) => Math.abs(v - expected[i]!)))).toBeLessThanOrEqual(1);
  });

  test('styles differ, and a mixture differs from each', async () => {
    const one = await styled('style-06');
    const other = await styled('style-18');
    const mixture = await styled({ 'style-06': 0.5, 'style-18': 0.5 });

    expect(meanDifference(one, other)).toBeGreaterThan(30);
    expect(meanDifference(mixture, one)).toBeGreaterThan(10);
    expect(meanDifference(mixture, other)).toBeGreaterThan(10);
    // Weights are shared out: it is the proportion that counts.
    expect(await styled({ 'style-06': 1, 'style-18': 1 })).toEqual(mixture);
  });
});

describe('nanodet', () => {
  async function detected(name: string): Promise<any[]> {
    const image = b64(readFileSync(photo(name)));
    return (await post('/models/nanodet/detect', { image })).results[0].detections;
  }

  // As seen in the photos, by eye.
  test.each([
    ['camera-grey.jpg', 'person', { xmin: 0, ymin: 60, xmax: 320, ymax: 512 }],
    ['astronaut.jpg', 'person', { xmin: 0, ymin: 10, xmax: 330, ymax: 512 }],
    ['chelsea.jpg', 'cat', { xmin: 0, ymin: 0, xmax: 440, ymax: 300 }],
  ])('finds in %s a %s where it is', async (name, label, box) => {
    const [best] = await detected(name);

    expect(best.label).toBe(label);
    for (const [side, at] of Object.entries(box)) {
      expect(Math.abs(best.box[side] - at)).toBeLessThan(25);
    }
  });
});

describe('a text generator', () => {
  const TEXT = 'What is the';

  async function written(parameters: object): Promise<string> {
    const { results } = await post('/models/writer/generate', { prompt: TEXT, ...parameters });
    return results[0].text;
  }

  test('at temperature 0 writes what Keras 2 finds likeliest', async () => {
    // The exporter compares the two; this is what both say.
    expect(await written({ temperature: 0, length: 30, seed: 5 })).toBe(
      'What is the best state of the state of th',
    );
  });

  test('a seed gives one text, another seed another, and a shorter one is its start', async () => {
    const text = await written({ length: 40, seed: 1 });

    expect(text.startsWith(TEXT)).toBe(true);
    expect(await written({ length: 40, seed: 1 })).toBe(text);
    expect(await written({ length: 40, seed: 2 })).not.toBe(text);
    expect(text.startsWith(await written({ length: 15, seed: 1 }))).toBe(true);
  });
});
