import { readFile } from 'node:fs/promises';

import sharp from 'sharp';

import type { Service } from '../../src/compose';
import {
  makeRepository,
  photo,
  removeFolder,
  shippedModel,
  startTestService,
} from '../support/service';

/** The shipped segmentation of people. */

let repository: string;
let service: Service;

beforeAll(async () => {
  repository = await makeRepository({ selfie: shippedModel('selfie-segmentation') });
  service = await startTestService({ modelRepository: repository });
});
afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
});

async function segment(name: string, query = ''): Promise<Response> {
  return fetch(`${service.url}/models/selfie/segment${query}`, {
    method: 'POST',
    body: new Uint8Array(await readFile(photo(name))),
    headers: { 'Content-Type': 'image/jpeg' },
  });
}

test('finds the astronaut, and nobody on the launch pad', async () => {
  const { width, height } = await sharp(photo('astronaut.jpg')).metadata();

  const astronaut = (await (await segment('astronaut.jpg')).json()) as any;
  const rocket = (await (await segment('rocket.jpg')).json()) as any;

  const [{ segments }] = astronaut.results;
  expect(segments).toHaveLength(1);
  expect(segments[0].label).toBe('person');
  expect(segments[0].area / (width * height)).toBeGreaterThan(0.4);
  expect(segments[0].area / (width * height)).toBeLessThan(0.75);
  expect(rocket.results[0].segments).toEqual([]);
});

test('cuts the astronaut out: the face stays, and a corner becomes transparent', async () => {
  const response = await segment('astronaut.jpg', '?output=cutout');

  const { data, info } = await sharp(Buffer.from(await response.arrayBuffer()))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const alpha = (x: number, y: number): number => data[(y * info.width + x) * 4 + 3] ?? NaN;
  expect(info.channels).toBe(4);
  expect(alpha(176, 110)).toBeGreaterThan(200);
  expect(alpha(5, 5)).toBeLessThan(50);
});
