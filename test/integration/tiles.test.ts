import path from 'node:path';

import sharp from 'sharp';

import type { Service } from '../../src/compose';
import { makeRepository, photo, removeFolder, SHIPPED, startTestService } from '../support/service';

/** The shipped model of super-resolution with small tiles, so that small photos need several. */

const SPAN = path.join(SHIPPED, 'span-x2', '1');
const shared = {
  task: 'image-to-image',
  output: { name: 'upscaled', valueRange: [0, 255] },
  warmup: { enabled: false },
};
const input = (maxSize: number): object => ({
  name: 'image',
  dynamic: { minSize: 16, maxSize, multipleOf: 1 },
  normalization: 'none',
});
const WIDTH = 230;
const HEIGHT = 165;
/** 3 × 2 tiles. */
const TILING = { size: 112, overlap: 48 };

let repository: string;
let service: Service;
let larger: Buffer;
let smaller: Buffer;

beforeAll(async () => {
  repository = await makeRepository({
    tiled: { from: SPAN, config: { ...shared, input: input(112), tiling: TILING } },
    whole: { from: SPAN, config: { ...shared, input: input(640) } },
  });
  service = await startTestService({
    modelRepository: repository,
    maxOutputPixels: 4 * WIDTH * HEIGHT,
    optimize: true,
  });
  larger = await sharp(photo('coffee.jpg')).resize(WIDTH, HEIGHT).png().toBuffer();
  smaller = await sharp(photo('coffee.jpg')).resize(96, 64).png().toBuffer();
});
afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
});

function generate(model: string, image: Buffer, signal?: AbortSignal): Promise<Response> {
  return fetch(`${service.url}/models/${model}/generate`, {
    method: 'POST',
    body: new Uint8Array(image),
    headers: { 'Content-Type': 'image/png' },
    ...(signal === undefined ? {} : { signal }),
  });
}

async function pixelsOf(response: Response): Promise<{ data: Buffer; width: number }> {
  expect(response.status).toBe(200);
  const { data, info } = await sharp(Buffer.from(await response.arrayBuffer()))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(3);
  return { data, width: info.width };
}

test('in tiles a photo comes out as in one run', async () => {
  const tiled = await pixelsOf(await generate('tiled', larger));
  const whole = await pixelsOf(await generate('whole', larger));

  expect(tiled.width).toBe(2 * WIDTH);
  expect(tiled.data).toHaveLength(4 * WIDTH * HEIGHT * 3);
  let [sum, largest] = [0, 0];
  for (const [at, value] of whole.data.entries()) {
    const difference = Math.abs(value - (tiled.data[at] ?? NaN));
    sum += difference;
    largest = Math.max(largest, difference);
  }
  expect(sum / whole.data.length).toBeLessThan(0.1);
  expect(largest).toBeLessThan(6);
});

test('several at once, with ordinary ones between them, are answered as each alone', async () => {
  const [alone, small] = [
    await pixelsOf(await generate('tiled', larger)),
    await pixelsOf(await generate('tiled', smaller)),
  ];

  const answers = await Promise.all(
    [larger, smaller, larger, smaller].map(async (image) =>
      pixelsOf(await generate('tiled', image)),
    ),
  );

  for (const [index, { data }] of answers.entries()) {
    const expected = index % 2 === 0 ? alone : small;
    const others = data.filter((value, at) => Math.abs(value - (expected.data[at] ?? NaN)) > 1);
    expect(others).toHaveLength(0);
  }
});

test('when the client goes, its tiles leave the queue and the next is answered', async () => {
  const client = new AbortController();
  const gone = generate('tiled', larger, client.signal).catch((thrown: unknown) => thrown);
  await untilMetric(/admitted_requests\{model="tiled",version="1"\} (\d+)/, (count) => count > 0);

  client.abort();

  expect(await gone).toMatchObject({ name: 'AbortError' });
  await untilMetric(/admitted_requests\{model="tiled",version="1"\} (\d+)/, (count) => count === 0);
  expect((await generate('tiled', smaller)).status).toBe(200);
});

test('a photo whose answer would have too many pixels is refused, and says how many are allowed', async () => {
  const large = await sharp(larger)
    .resize(WIDTH + 1, HEIGHT)
    .png()
    .toBuffer();

  const response = await generate('tiled', large);

  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({
    code: 'IMAGE_TOO_LARGE',
    detail: expect.stringContaining(
      `462×330 = 152460 pixels; ${4 * WIDTH * HEIGHT} are allowed (maxOutputPixels)`,
    ) as unknown,
  });
});

async function untilMetric(pattern: RegExp, isMet: (value: number) => boolean): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    if (isMet(Number(pattern.exec(text)?.[1]))) return;
  }
}
