import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import { ServingClient } from '../../src/client';
import type { Service } from '../../src/compose';
import { writeDigits, writeEcho, writeStylizer } from '../support/input-models';
import { removeFolder, startTestService } from '../support/service';

/** What models take besides an image, through the client. */

let folder: string;
let service: Service;
let client: ServingClient;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'client-inputs-'));
  const at = (name: string): string => path.join(folder, 'models', name);
  await writeStylizer(at('stylizer'), {
    inputs: {
      content: { image: { fit: 'fill' } },
      style: { image: { fit: 'fill' } },
      strength: { number: { minimum: 0, maximum: 1, default: 0.5 } },
    },
  });
  await writeDigits(at('digits'), {
    task: 'image-generation',
    inputs: { label: { label: { classes: 10 } }, noise: { name: 'z', noise: {} } },
  });
  await writeEcho(at('echo'), {
    task: 'text-generation',
    inputs: { prompt: { text: {} }, seed: { seed: {} } },
  });
  service = await startTestService({
    modelRepository: path.join(folder, 'models'),
    cache: path.join(folder, 'cache'),
  });
  client = new ServingClient(service.url);
}, 120_000);
afterAll(async () => {
  await service.stop();
  await removeFolder(folder);
});

async function plain(background: string): Promise<Buffer> {
  return sharp({ create: { width: 9, height: 9, channels: 3, background } })
    .png()
    .toBuffer();
}

async function pixelOf(bytes: Uint8Array): Promise<number[]> {
  const { data } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return [...data.subarray(0, 3)];
}

test('a further picture and a number go with one image, and with several', async () => {
  const [black, red] = [await plain('#000000'), await plain('#ff0000')];
  const inputs = { style: await plain('#0000ff'), strength: 1 };

  const one = await client.generate(black, { model: 'stylizer', inputs });
  const { results } = await client.generate([black, red], {
    model: 'stylizer',
    inputs: { ...inputs, strength: 0 },
  });

  expect(await pixelOf(one.bytes)).toEqual([0, 0, 255]);
  const pixels = results.map(({ bytes }) => pixelOf(bytes ?? new Uint8Array()));
  expect(await Promise.all(pixels)).toEqual([
    [0, 0, 0],
    [255, 0, 0],
  ]);
});

test('pictures are made from parameters, with their seeds', async () => {
  const { results, model } = await client.generate(
    { label: 7, seed: 3 },
    { model: 'digits', n: 2 },
  );
  const again = await client.generate({ label: '7', seed: 4 }, { model: 'digits' });

  expect(model).toBe('digits');
  expect(results.map(({ seed }) => seed)).toEqual([3, 4]);
  expect(results[1]?.picture).toMatchObject({ mediaType: 'image/png', width: 8, height: 8 });
  expect(again.results[0]?.picture?.bytes).toEqual(results[1]?.picture?.bytes);
});

test('texts are made from a prompt, or from all that the model takes', async () => {
  const written = await client.generateText({ prompt: 'a', seed: 5 }, { model: 'echo' });

  expect(written).toMatchObject({ text: 'a 5', seed: 5, model: 'echo', version: 1 });
  expect((await client.generateText('b', { model: 'echo' })).text).toMatch(/^b \d+$/);
});

test('what is not allowed is an error of the call', async () => {
  await expect(client.generate({ label: 12 }, { model: 'digits' })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    status: 400,
  });
});
