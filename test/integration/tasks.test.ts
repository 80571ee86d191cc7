import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import type { Service } from '../../src/compose';
import { removeFolder, startTestService } from '../support/service';
import {
  writeColourSegmenter,
  writeDetector,
  writeEncoder,
  writeSegmenter,
} from '../support/task-models';

/** Models of every task on the real TensorFlow; what is right is known from how pictures are drawn. */

const SIDE = 64;
/** Twice the size of what the model is fed in one direction, four times in the other. */
const PHOTO = { width: 256, height: 128 };
const BOX = { left: 96, top: 32, width: 48, height: 64 };
const BOX_ANSWER = { xmin: 96, ymin: 32, xmax: 144, ymax: 96 };

let folder: string;
let service: Service;
/** A white box on black. */
let boxed: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tasks-'));
  const models = path.join(folder, 'models');
  const at = (name: string): string => path.join(models, name);
  // Nearest: the edges of the box stay where they are.
  const kernel = 'nearest';
  await writeDetector(at('cover'), SIDE, { input: { kernel, fit: 'cover' } });
  await writeDetector(at('contain'), SIDE, { input: { kernel, fit: 'contain' } });
  await writeDetector(at('fill'), SIDE, {
    input: { kernel, fit: 'fill' },
    labels: 'labels.txt',
    nms: { iou: 0.5 },
  });
  await writeFile(path.join(at('fill'), 'labels.txt'), 'nothing\nbox\n');
  await writeSegmenter(at('bright'), SIDE, { input: { fit: 'contain' }, labels: 'labels.txt' });
  await writeFile(path.join(at('bright'), 'labels.txt'), 'light\n');
  await writeSegmenter(at('cut'), SIDE, { input: { fit: 'cover' } });
  await writeColourSegmenter(at('colours'), SIDE, {
    input: { fit: 'fill', kernel },
    outputs: { mask: { activation: 'softmax' } },
  });
  await writeEncoder(at('encoder'), SIDE, { input: { fit: 'fill' } });
  service = await startTestService({
    modelRepository: models,
    cache: path.join(folder, 'cache'),
    optimize: true,
  });
  boxed = await drawn([{ ...BOX, colour: '#ffffff' }]);
});
afterAll(async () => {
  await service.stop();
  await removeFolder(folder);
});

function drawn(
  rectangles: readonly (typeof BOX & { readonly colour: string })[],
  orientation = 1,
): Promise<Buffer> {
  const { width, height } = PHOTO;
  return sharp({ create: { width, height, channels: 3, background: '#000000' } })
    .composite(
      rectangles.map(({ colour, left, top, ...size }) => ({
        input: { create: { ...size, channels: 3, background: colour } },
        left,
        top,
      })),
    )
    .withMetadata({ orientation })
    .png()
    .toBuffer();
}

async function post(
  address: string,
  image: Buffer,
  accept = 'application/json',
): Promise<Response> {
  return fetch(`${service.url}/models/${address}`, {
    method: 'POST',
    headers: { 'Content-Type': 'image/png', Accept: accept },
    body: new Uint8Array(image),
  });
}

async function result(address: string, image: Buffer): Promise<any> {
  const body = (await (await post(address, image)).json()) as { results?: unknown[] };
  return body.results?.[0] ?? body;
}

async function pixelsOf(picture: ArrayBuffer | Buffer) {
  const { data, info } = await sharp(Buffer.from(picture as ArrayBuffer))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number[] => {
    const from = (y * info.width + x) * info.channels;
    return [...data.subarray(from, from + info.channels)];
  };
  return { ...info, at };
}

describe('object detection', () => {
  test.each(['cover', 'contain', 'fill'])(
    'boxes are those of the original where it was fed by %s',
    async (model) => {
      const { detections } = await result(`${model}/detect`, boxed);

      expect(detections[0].box).toEqual(BOX_ANSWER);
    },
  );

  test('an upright box for a photo that lies on its side', async () => {
    // 90° clockwise: what was at the top is on the right.
    const lying = await drawn([{ ...BOX, colour: '#ffffff' }], 6);

    const { detections } = await result('fill/detect', lying);

    const { height } = PHOTO;
    expect(detections[0].box).toEqual({
      xmin: height - 96,
      ymin: 96,
      xmax: height - 32,
      ymax: 144,
    });
  });

  test('candidates are counted, suppressed and named as model.json says', async () => {
    const plain = await result('cover/detect?threshold=0.5', boxed);
    const named = await result('fill/detect?threshold=0.5', boxed);

    expect(plain.detections.map(({ score, label }: any) => [score, label])).toEqual([
      [1, '1'],
      [0.75, '1'],
    ]);
    expect(named.detections).toEqual([{ label: 'box', index: 1, score: 1, box: BOX_ANSWER }]);
    expect((await result('cover/detect?threshold=0.8', boxed)).detections).toHaveLength(1);
  });

  test('is drawn into the photo on request', async () => {
    const asked = await post('fill/detect?render=true', boxed, '*/*');
    const accepted = await post('fill/detect', boxed, 'image/jpeg');

    expect(asked.headers.get('content-type')).toBe('image/png');
    expect(accepted.headers.get('content-type')).toBe('image/jpeg');
    const picture = await pixelsOf(await asked.arrayBuffer());
    expect(picture).toMatchObject(PHOTO);
    // The edge has the colour of the class, the inside that of the photo.
    const edge = picture.at(BOX_ANSWER.xmin, 64);
    expect(Math.max(...edge) - Math.min(...edge)).toBeGreaterThan(100);
    expect(picture.at(120, 64)).toEqual([255, 255, 255]);
    expect(picture.at(10, 100)).toEqual([0, 0, 0]);
  });

  test('several images in one request, each with its own result or error', async () => {
    const b64 = boxed.toString('base64');
    const response = await fetch(`${service.url}/models/fill/detect`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ images: [{ b64 }, { b64: 'R0lG' }, { b64 }] }),
    });

    const { results } = (await response.json()) as { results: any[] };
    expect(results.map(({ detections, error }) => detections?.length ?? error.code)).toEqual([
      1,
      expect.stringMatching(/IMAGE/),
      1,
    ]);
  });
});

describe('image segmentation', () => {
  test('a mask has the size of the original, and says how much it covers', async () => {
    const { width, height, segments } = await result('bright/segment', boxed);

    expect([width, height]).toEqual([PHOTO.width, PHOTO.height]);
    expect(segments).toHaveLength(1);
    expect(segments[0]).toMatchObject({ label: 'light', index: 0 });
    const area = BOX.width * BOX.height;
    expect(Math.abs(segments[0].area - area) / area).toBeLessThan(0.1);
    const mask = await pixelsOf(Buffer.from(segments[0].mask.b64, 'base64'));
    expect(mask).toMatchObject(PHOTO);
    expect([mask.at(120, 64)[0], mask.at(40, 64)[0], mask.at(120, 10)[0]]).toEqual([255, 0, 0]);
  });

  test('what was cut off is not said to be anything', async () => {
    const light = { left: 0, top: 0, ...PHOTO, colour: '#ffffff' };
    const { segments } = await result('cut/segment', await drawn([light]));

    // Cover shows the model the square in the middle.
    expect(segments[0].area).toBe(128 * 128);
  });

  test('as one picture: a mask of indices with a palette, or the photo cut out', async () => {
    const mask = await post('bright/segment?output=mask', boxed, '*/*');
    const file = Buffer.from(await mask.arrayBuffer());
    const cut = await pixelsOf(
      await (await post('bright/segment?output=cutout', boxed, '*/*')).arrayBuffer(),
    );

    expect(mask.headers.get('content-type')).toBe('image/png');
    // Bits a pixel, and the colour type: by palette.
    expect([file[24], file[25]]).toEqual([8, 3]);
    expect(cut).toMatchObject({ ...PHOTO, channels: 4 });
    expect(cut.at(120, 64)).toEqual([255, 255, 255, 255]);
    expect(cut.at(10, 10)[3]).toBe(0);
  });

  test('several classes exclude each other', async () => {
    const half = { left: 0, top: 0, width: 128, height: 128 };
    const picture = await drawn([
      { ...half, colour: '#ff0000' },
      { ...half, left: 128, colour: '#0000ff' },
    ]);

    const { segments } = await result('colours/segment', picture);

    expect(segments.map(({ index, area }: any) => [index, area])).toEqual([
      [0, 128 * 128],
      [2, 128 * 128],
    ]);
    expect(segments[0].score).toBeGreaterThan(0.99);
    // JSON carries masks at about the size of their files.
    const bytes = segments.reduce(
      (sum: number, { mask }: any) => sum + (mask.b64.length * 3) / 4,
      0,
    );
    const { length } = await (await post('colours/segment', picture)).text();
    expect(length).toBeLessThan(1.4 * bytes + 1000);
  });
});

describe('image feature extraction', () => {
  test('a vector, of unit length on request, as numbers or bytes', async () => {
    const picture = await drawn([{ left: 0, top: 0, ...PHOTO, colour: '#cc0099' }]);

    const plain = await result('encoder/embed', picture);
    const unit = await result('encoder/embed?normalize=true', picture);
    const bytes = await result('encoder/embed?encoding=base64', picture);

    const expected = [0.8, 0, 0.6].map((value) => expect.closeTo(value, 3) as unknown);
    expect(plain.embedding).toEqual(expected);
    expect(unit.embedding).toEqual(expected);
    const file = Buffer.from(bytes.embedding as string, 'base64');
    expect([0, 4, 8].map((at) => file.readFloatLE(at))).toEqual(expected);
  });
});

describe('similarity', () => {
  const compare = (images: readonly Buffer[], model = 'encoder'): Promise<Response> =>
    fetch(`${service.url}/models/${model}/similarity`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ images: images.map((file) => ({ b64: file.toString('base64') })) }),
    });
  const filled = (colour: string): Promise<Buffer> =>
    drawn([{ left: 0, top: 0, ...PHOTO, colour }]);

  test('of one image to several, each with its own result or error', async () => {
    const [red, dark, blue] = await Promise.all(['#ff0000', '#400000', '#0000ff'].map(filled));
    if (red === undefined || dark === undefined || blue === undefined)
      throw new Error('no picture');

    const { results } = (await (
      await compare([red, dark, Buffer.from('nothing'), blue])
    ).json()) as { results: any[] };

    expect(results.map(({ similarity, error }) => similarity ?? error.code)).toEqual([
      expect.closeTo(1, 5),
      'UNSUPPORTED_IMAGE_FORMAT',
      expect.closeTo(0, 5),
    ]);
  });

  test('needs two images, a first one that can be read, and a model of vectors', async () => {
    const red = await filled('#ff0000');

    expect((await compare([red])).status).toBe(400);
    expect((await compare([Buffer.from('nothing'), red])).status).toBe(415);
    expect((await compare([red, red], 'fill')).status).toBe(409);
  });
});

describe('addresses', () => {
  test('predict answers whatever a model does', async () => {
    expect(await result('fill/predict', boxed)).toEqual(await result('fill/detect', boxed));
    expect(await result('encoder/predict', boxed)).toHaveProperty('embedding');
  });

  test('a wrong verb names the right address', async () => {
    const response = await post('encoder/detect', boxed);

    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({
      code: 'WRONG_TASK',
      detail:
        'Model encoder does image-feature-extraction, not detect: POST to /models/encoder/embed',
    });
  });

  test('parameters that are not the task’s own, or out of range, are named', async () => {
    const response = await post('fill/detect?threshold=2', boxed);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      detail: '?threshold= must be a number from 0 to 1',
    });
  });

  test('what was recognised is told', async () => {
    const response = await fetch(`${service.url}/models/cover`);
    const { servable } = (await response.json()) as { servable: any };

    expect(servable.task).toBe('object-detection');
    expect(servable.optimization).toMatchObject({
      state: 'optimized',
      image: { preprocess: true },
    });
    expect(servable.assumptions).toEqual(
      expect.arrayContaining([
        'task: object-detection, as "detection_boxes" and "detection_scores" are the outputs of a detector',
        'outputs.classes.offset: 1, the number of the first label',
      ]),
    );
  });
});
