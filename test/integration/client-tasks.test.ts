import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import { ServingClient } from '../../src/client';
import type { Service } from '../../src/compose';
import { removeFolder, startTestService } from '../support/service';
import { writeDetector, writeEncoder, writeSegmenter } from '../support/task-models';

/** Models of every task, through the client; what is right is known from how the picture is drawn. */

const SIDE = 64;
const PHOTO = { width: 256, height: 128 };
const BOX = { xmin: 96, ymin: 32, xmax: 144, ymax: 96 };
const BROKEN = Buffer.from('GIF');

let folder: string;
let service: Service;
let client: ServingClient;
/** A white box on black. */
let boxed: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'client-tasks-'));
  const at = (name: string): string => path.join(folder, 'models', name);
  const input = { kernel: 'nearest', fit: 'fill' };
  await writeDetector(at('detector'), SIDE, { input, labels: 'labels.txt' });
  await writeFile(path.join(at('detector'), 'labels.txt'), 'nothing\nbox\n');
  await writeSegmenter(at('segmenter'), SIDE, { input, labels: 'labels.txt' });
  await writeFile(path.join(at('segmenter'), 'labels.txt'), 'light\n');
  await writeEncoder(at('encoder'), SIDE, { input: { fit: 'fill' } });
  service = await startTestService({
    modelRepository: path.join(folder, 'models'),
    cache: path.join(folder, 'cache'),
  });
  client = new ServingClient(service.url);
  const { xmin: left, ymin: top, xmax, ymax } = BOX;
  const white = {
    width: xmax - left,
    height: ymax - top,
    channels: 3,
    background: '#fff',
  } as const;
  boxed = await sharp({ create: { ...PHOTO, channels: 3, background: '#000' } })
    .composite([{ input: { create: white }, left, top }])
    .png()
    .toBuffer();
}, 120_000);
afterAll(async () => {
  await service.stop();
  await removeFolder(folder);
});

async function pixelAt(bytes: Uint8Array, x: number, y: number): Promise<number[]> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return [...data.subarray((y * info.width + x) * info.channels).subarray(0, info.channels)];
}

describe('detect', () => {
  test('one image gives its boxes, with the facts of the run', async () => {
    const answer = await client.detect(boxed, { model: 'detector', requestId: 'detect-1' });

    expect(answer.detections[0]).toEqual({ label: 'box', index: 1, score: 1, box: BOX });
    expect(answer).toMatchObject({ model: 'detector', version: 1, requestId: 'detect-1' });
    expect(answer.timings?.inferMs).toBeGreaterThan(0);
  });

  test('the threshold is that of the call', async () => {
    const count = async (threshold: number): Promise<number> =>
      (await client.detect(boxed, { model: 'detector', threshold })).detections.length;

    expect([await count(0.5), await count(0.8)]).toEqual([2, 1]);
  });

  test('several images give a result or an error each, in order', async () => {
    const { results } = await client.detect([boxed, BROKEN, boxed], { model: 'detector' });

    expect(results.map(({ detections, error }) => detections?.[0]?.box ?? error?.code)).toEqual([
      BOX,
      expect.stringMatching(/IMAGE/),
      BOX,
    ]);
  });

  test.each([
    ['WRONG_TASK', { model: 'encoder' }],
    ['BAD_REQUEST', { model: 'detector', threshold: 2 }],
  ])('%s reaches the caller', async (code, options) => {
    await expect(client.detect(boxed, options)).rejects.toMatchObject({ code });
  });

  test('the photo comes with its boxes drawn', async () => {
    const one = await client.detectPicture(boxed, { model: 'detector', format: 'webp' });
    const { results } = await client.detectPicture([boxed, BROKEN], { model: 'detector' });

    expect(one).toMatchObject({ mediaType: 'image/webp', model: 'detector', version: 1 });
    expect(await sharp(one.bytes).metadata()).toMatchObject({ ...PHOTO, format: 'webp' });
    expect(results.map(({ mediaType, error }) => mediaType ?? error.status)).toEqual([
      'image/png',
      expect.any(Number),
    ]);
    const edge = await pixelAt(results[0]?.bytes ?? BROKEN, BOX.xmin, 64);
    expect(Math.max(...edge) - Math.min(...edge)).toBeGreaterThan(100);
  });
});

describe('segment', () => {
  test('one image gives its segments, each with its mask as a file', async () => {
    const answer = await client.segment(boxed, { model: 'segmenter' });

    expect(answer).toMatchObject({ ...PHOTO, model: 'segmenter', version: 1 });
    const [segment, ...others] = answer.segments;
    expect(others).toEqual([]);
    expect(segment).toMatchObject({ label: 'light', index: 0, mask: { mediaType: 'image/png' } });
    const area = (BOX.xmax - BOX.xmin) * (BOX.ymax - BOX.ymin);
    expect(Math.abs((segment?.area ?? 0) - area) / area).toBeLessThan(0.1);
    const mask = segment?.mask.bytes ?? BROKEN;
    expect(await pixelAt(mask, 120, 64)).toContain(255);
    expect(await pixelAt(mask, 10, 10)).toContain(0);
  });

  test('several images give a result or an error each, in order', async () => {
    const { results } = await client.segment([BROKEN, boxed], { model: 'segmenter' });

    expect(results[0]?.error?.code).toMatch(/IMAGE/);
    expect(results[1]?.segments?.[0]?.mask.bytes).toBeInstanceOf(Uint8Array);
  });

  test('one picture of all: a mask, or the photo cut out', async () => {
    const mask = await client.segmentPicture(boxed, { model: 'segmenter' });
    const cut = await client.segmentPicture(boxed, { model: 'segmenter', output: 'cutout' });

    // Bits per pixel, and the colour type: by palette.
    expect([mask.bytes[24], mask.bytes[25]]).toEqual([8, 3]);
    expect(await pixelAt(cut.bytes, 120, 64)).toEqual([255, 255, 255, 255]);
    expect((await pixelAt(cut.bytes, 10, 10))[3]).toBe(0);
  });
});

describe('embed', () => {
  let photo: Buffer;
  beforeAll(async () => {
    photo = await sharp({ create: { ...PHOTO, channels: 3, background: '#660033' } })
      .png()
      .toBuffer();
  });

  test('one image gives its vector, of unit length on request', async () => {
    const { embedding, version } = await client.embed(photo, { model: 'encoder' });
    const unit = await client.embed(photo, { model: 'encoder', normalize: true });

    expect(version).toBe(1);
    expect(embedding).toBeInstanceOf(Float32Array);
    expect([...embedding]).toEqual(
      [0.4, 0, 0.2].map((value) => expect.closeTo(value, 3) as number),
    );
    expect(Math.hypot(...unit.embedding)).toBeCloseTo(1, 5);
  });

  test('several images give a result or an error each, in order', async () => {
    const { results } = await client.embed([photo, BROKEN], { model: 'encoder' });

    expect(results.map(({ embedding, error }) => embedding?.length ?? error?.code)).toEqual([
      3,
      expect.stringMatching(/IMAGE/),
    ]);
  });
});

describe('predictImage', () => {
  test('gives what each model makes of an image', async () => {
    const detector = await client.predictImage(boxed, {
      model: 'detector',
      parameters: { threshold: 0.8 },
    });
    const segmenter = await client.predictImage(boxed, { model: 'segmenter' });
    const encoder = await client.predictImage([boxed, BROKEN], { model: 'encoder' });

    expect(detector.detections).toEqual([{ label: 'box', index: 1, score: 1, box: BOX }]);
    expect(segmenter).toMatchObject(PHOTO);
    expect(segmenter.segments?.[0]?.mask.bytes).toBeInstanceOf(Uint8Array);
    expect(encoder.results[0]?.embedding).toBeInstanceOf(Float32Array);
    expect(encoder.results[1]?.error?.code).toMatch(/IMAGE/);
  });

  test('gives the picture where a picture was asked for', async () => {
    const parameters = { render: true };
    const { picture, detections } = await client.predictImage(boxed, {
      model: 'detector',
      parameters,
      format: 'jpeg',
    });

    expect(picture).toMatchObject({ ...PHOTO, mediaType: 'image/jpeg' });
    expect(await sharp(picture?.bytes).metadata()).toMatchObject({ ...PHOTO, format: 'jpeg' });
    expect(detections?.[0]?.box).toEqual(BOX);
  });
});
