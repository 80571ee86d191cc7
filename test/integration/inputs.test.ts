import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import type { Service } from '../../src/compose';
import {
  writeDigits,
  writeEcho,
  writeFileClassifier,
  writeMasker,
  writeStylizer,
  writeTinter,
  writeWriter,
} from '../support/input-models';
import { removeFolder, startTestService } from '../support/service';

/** Models that take more than one picture, on the real TensorFlow. */

let folder: string;
let service: Service;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'inputs-'));
  const models = path.join(folder, 'models');
  const at = (name: string): string => path.join(models, name);
  await writeStylizer(at('stylizer'), {
    inputs: {
      content: { image: { fit: 'fill' } },
      style: { image: { fit: 'fill' } },
      strength: { number: { minimum: 0, maximum: 1, default: 0.5 } },
    },
  });
  await writeMasker(at('masker'), {
    inputs: {
      image: { name: 'photo', image: {} },
      mask: { image: { colorOrder: 'grayscale', default: '#ffffff' } },
    },
  });
  await writeTinter(at('tinter'), {
    inputs: {
      photo: { image: { fit: 'fill' } },
      style: {
        name: 'weights',
        numbers: { minimum: 0, maximum: 1, labels: 'styles.txt', default: 'red', normalize: true },
      },
    },
  });
  await writeFile(path.join(at('tinter'), 'styles.txt'), 'red\ngreen\nblue\n');
  await writeDigits(at('digits'), {
    task: 'image-generation',
    inputs: { label: { label: { classes: 10 } }, noise: { name: 'z', noise: {} } },
  });
  await writeFileClassifier(at('files'), 'DecodeJpeg', []);
  await writeFileClassifier(at('listed'), 'DecodeImage', [-1]);
  await writeWriter(at('writer'), {
    task: 'text-generation',
    inputs: {
      prompt: { text: { maxLength: 20 } },
      length: { number: { minimum: 0, maximum: 50, default: 2 } },
      seed: { seed: {} },
    },
  });
  await writeEcho(at('echo'), {
    task: 'text-generation',
    inputs: { prompt: { text: { default: 'hello' } }, seed: { seed: {} } },
  });
  service = await startTestService({
    modelRepository: models,
    cache: path.join(folder, 'cache'),
    optimize: true,
  });
}, 240_000);
afterAll(async () => {
  await service.stop();
  await removeFolder(folder);
});

function plain(background: string, size = { width: 20, height: 10 }): Promise<Buffer> {
  return sharp({ create: { ...size, channels: 3, background } })
    .png()
    .toBuffer();
}

function fileOf(bytes: Buffer): Blob {
  return new Blob([new Uint8Array(bytes)]);
}

async function post(address: string, body?: unknown, accept = 'application/json') {
  const isForm = body instanceof FormData;
  const raw = body instanceof Buffer || typeof body === 'string';
  return fetch(`${service.url}/models/${address}`, {
    method: 'POST',
    headers: {
      Accept: accept,
      ...(isForm || body === undefined
        ? {}
        : { 'Content-Type': raw ? 'text/plain' : 'application/json' }),
    },
    ...(body === undefined
      ? {}
      : { body: isForm ? body : typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

async function json(address: string, body?: unknown): Promise<any> {
  return (await post(address, body)).json();
}

async function pixelOf(picture: Buffer): Promise<number[]> {
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
  return [...data.subarray(0, info.channels)];
}

async function pixelOfResult(result: any): Promise<number[]> {
  return pixelOf(Buffer.from(result.image.b64, 'base64'));
}

const b64 = (bytes: Buffer) => ({ b64: bytes.toString('base64') });

describe('a content and a style picture', () => {
  test('are fields of a form, with a number beside them', async () => {
    const form = new FormData();
    form.append('content', fileOf(await plain('#000000')), 'a.png');
    form.append('style', fileOf(await plain('#ff8000')));
    form.append('strength', '0.25');

    const answer = await post('stylizer/generate', form, 'image/png');

    expect(await pixelOf(Buffer.from(await answer.arrayBuffer()))).toEqual([64, 32, 0]);
  });

  test('are members of a JSON body, or the upload is sent as it is and the rest has its default', async () => {
    const style = b64(await plain('#ffffff'));
    const images = [b64(await plain('#000000')), b64(await plain('#ff0000'))];

    const { results } = await json('stylizer/generate', { images, style });
    const { detail, code } = await json('stylizer/generate', { image: images[0] });

    expect(await Promise.all(results.map(pixelOfResult))).toEqual([
      [128, 128, 128],
      [255, 128, 128],
    ]);
    expect([code, detail]).toEqual(['INVALID_INPUT', '"style" is missing; needed is a picture']);
  });

  test('one for each image keeps its place, and a broken one fails its image alone', async () => {
    const image = b64(await plain('#000000'));
    const style = [
      b64(await plain('#ffffff')),
      { b64: Buffer.from('no image').toString('base64') },
    ];

    const { results } = await json('stylizer/generate?strength=1', {
      images: [image, image],
      style,
    });

    expect(await pixelOfResult(results[0])).toEqual([255, 255, 255]);
    expect(results[1].error).toMatchObject({
      code: 'UNSUPPORTED_IMAGE_FORMAT',
      detail: expect.stringContaining('"style": ') as unknown,
    });
  });

  test('what is out of range, unknown or said twice is refused with what is allowed', async () => {
    const body = { image: b64(await plain('#000000')), style: b64(await plain('#ffffff')) };

    const refused = [
      await json('stylizer/generate', { ...body, strength: 1.5 }),
      await json('stylizer/generate?strength=much', body),
      await json('stylizer/generate', { ...body, force: 1 }),
      await json('stylizer/generate?strength=1', { ...body, strength: 1 }),
    ];

    expect(refused.map(({ status, detail }) => [status, detail])).toEqual([
      [400, '"strength" is 1.5: allowed is a number from 0 to 1'],
      [400, '"strength" is "much": allowed is a number from 0 to 1'],
      [400, 'There is no parameter "force"; the model has strength, format, quality'],
      [400, '"strength" is in the query and in the body'],
    ]);
  });
});

test('a mask has the size of its photo, and is white where none is sent', async () => {
  const image = b64(await plain('#ff8040', { width: 30, height: 20 }));
  const mask = b64(await plain('#000000', { width: 30, height: 20 }));

  const { results: masked } = await json('masker/generate', { image, mask });
  const { results: whole } = await json('masker/generate', { image });

  expect(await pixelOfResult(masked[0])).toEqual([0, 0, 0]);
  expect(await pixelOfResult(whole[0])).toEqual([255, 128, 64]);
  expect(whole[0].image).toMatchObject({ width: 30, height: 20 });
});

test('weights are a list, a name, or numbers by name', async () => {
  const white = await plain('#ffffff');
  const image = b64(white);
  const pixel = async (query: string, more: object = {}) =>
    pixelOfResult((await json(`tinter/generate${query}`, { image, ...more })).results[0]);

  expect(await pixel('')).toEqual([255, 0, 0]);
  expect(await pixel('?style=blue')).toEqual([0, 0, 255]);
  expect(await pixel('?style=0,1,1')).toEqual([0, 128, 128]);
  expect(await pixel('', { style: [1, 0, 1] })).toEqual([128, 0, 128]);
  expect(await pixel('', { style: { red: 0.3, green: 0.1 } })).toEqual([191, 64, 0]);
  expect(await json('tinter/generate?style=pink', { image })).toMatchObject({
    status: 400,
    detail: expect.stringContaining(
      'a label or {"label": number, …} of "red", "green", "blue"',
    ) as unknown,
  });
});

describe('pictures from a label and noise', () => {
  test('need no body, are a picture for one and JSON for several, and have their seeds', async () => {
    const one = await post('digits/generate?label=3&seed=5', undefined, 'image/webp');
    const { results } = await json('digits/generate', { label: 3, n: 3, seed: 5 });

    expect(one.headers.get('content-type')).toBe('image/webp');
    expect(one.headers.get('x-seed')).toBe('5');
    expect(results.map(({ seed }: any) => seed)).toEqual([5, 6, 7]);
    expect(results[0].image).toMatchObject({ mediaType: 'image/png', width: 8, height: 8 });
    const first = await pixelOfResult(results[0]);
    expect(first[0]).toBeGreaterThan(76);
    expect(first[0]).toBeLessThan(103);
  });

  test('are the same for the same seed whatever runs beside them, and differ for another', async () => {
    const alone = (await json('digits/generate?label=1&seed=1000')).results[0].image.b64;

    const together = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        json('digits/generate', {
          label: i % 3 === 0 ? 1 : 7,
          seed: i % 3 === 0 ? 1000 : i,
          n: 1 + (i % 4),
        }),
      ),
    );

    const same = together.filter((_, i) => i % 3 === 0).map(({ results }) => results[0].image.b64);
    expect(new Set(same)).toEqual(new Set([alone]));
    const all = together.flatMap(({ results }) => results.map((r: any) => r.image.b64));
    expect(new Set(all).size).toBeGreaterThan(20);
  });

  test('have a seed of their own where none is said, which gives them again', async () => {
    const [a] = (await json('digits/generate?label=2')).results;
    const [b] = (await json('digits/generate?label=2')).results;
    const [again] = (await json(`digits/generate?label=2&seed=${a.seed}`)).results;

    expect(a.seed).not.toBe(b.seed);
    expect(again.image.b64).toBe(a.image.b64);
  });

  test('are bounded, and what is wrong is named', async () => {
    const refused = [
      await json('digits/generate?label=1&n=17'),
      await json('digits/generate'),
      await json('digits/generate?label=10'),
      await json('digits/generate?label=1&seed=-1'),
    ];

    expect(refused.map(({ status, detail }) => [status, detail])).toEqual([
      [400, '"n" is 17: allowed is a whole number from 1 to 16'],
      [400, '"label" is missing; needed is a whole number from 0 to 9'],
      [400, '"label" is "10": allowed is a whole number from 0 to 9'],
      [400, '"seed" is "-1": allowed is a whole number from 0 to 2147483647'],
    ]);
  });
});

describe('a graph that decodes files itself', () => {
  test.each(['files', 'listed'])(
    'is recognised, and takes JPEG and PNG as they are: %s',
    async (model) => {
      const { servable } = await details(model);
      const photo = await plain('#0000ff');
      const jpeg = await sharp(photo).jpeg({ quality: 100 }).toBuffer();

      const { results } = await json(`${model}/classify`, { images: [b64(photo), b64(jpeg)] });

      expect(servable.task).toBe('image-classification');
      expect(servable.assumptions.join()).toContain('which the graph decodes: jpeg, png');
      for (const { predictions } of results) {
        expect(predictions[0]).toEqual({
          label: 'blue',
          index: 2,
          score: expect.closeTo(1, 1) as unknown,
        });
      }
    },
  );

  test('is sent what other formats hold, upright and opaque', async () => {
    const photo = await plain('#00ff00');
    const lying = await sharp(photo).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const webp = await sharp(photo).webp({ lossless: true }).toBuffer();
    const clear = await sharp({
      create: { width: 9, height: 9, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();

    const { results } = await json('files/predict?top=1', {
      images: [lying, webp, clear].map(b64),
    });

    expect(results.map(({ predictions: [first] }: any) => first.label)).toEqual([
      'green',
      'green',
      'red',
    ]);
    expect(results[2].predictions[0].score).toBe(1);
  });

  test('a file that only TensorFlow finds to be broken is the fault of the image', async () => {
    const whole = await sharp(await plain('#00ff00', { width: 64, height: 64 }))
      .jpeg()
      .toBuffer();
    // Its Huffman tables are gone; head and end are as they should be.
    const at = whole.indexOf(Buffer.from([0xff, 0xc4]));
    const broken = Buffer.from(whole);
    broken.fill(0xff, at + 4, at + 24);

    const body = await json('files/classify', { image: b64(broken) });

    expect(body).toMatchObject({ status: 422, code: 'UNDECODABLE_IMAGE' });
  });
});

describe('a text from a text', () => {
  test('comes of JSON, a form, or plain text', async () => {
    const form = new FormData();
    form.append('prompt', 'b');
    form.append('seed', '7');

    expect((await json('writer/generate', { prompt: 'a', length: 3, seed: 5 })).results).toEqual([
      { text: 'a555', seed: 5 },
    ]);
    expect((await json('writer/predict', form)).results).toEqual([{ text: 'b77', seed: 7 }]);
    expect((await json('writer/generate?seed=1&length=0', 'grüße')).results).toEqual([
      { text: 'grüße', seed: 1 },
    ]);
  });

  test('is refused where it is too long or missing', async () => {
    expect(await json('writer/generate', { prompt: 'x'.repeat(21) })).toMatchObject({
      status: 400,
      detail: expect.stringContaining(
        'it has 21 characters; allowed is a text of at most 20',
      ) as unknown,
    });
    expect(await json('writer/generate')).toMatchObject({ status: 400 });
  });

  test('has its own prompt and seed among others', async () => {
    const texts = await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        const { results } = await json('echo/generate', { prompt: `p${i}`, seed: i });
        return results[0].text;
      }),
    );

    expect(texts).toEqual(Array.from({ length: 16 }, (_, i) => `p${i} ${i}`));
  });
});

test('a wrong verb names the right one', async () => {
  expect(await json('digits/classify?label=1')).toMatchObject({
    status: 409,
    detail: 'Model digits does image-generation, not classify: POST to /models/digits/generate',
  });
});

test('what a model takes is in its details', async () => {
  const { servable } = await details('tinter');

  expect(servable.inputs).toEqual([
    { role: 'photo', name: 'photo', kind: 'image', required: true },
    expect.objectContaining({
      role: 'style',
      kind: 'numbers',
      default: [1, 0, 0],
      labels: ['red', 'green', 'blue'],
      maximum: 1,
    }),
  ]);
});

test('the OpenAPI document has the parameters of each, with their ranges', async () => {
  const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as any;
  const generate = document.paths['/models/digits/generate'].post;
  const styled = document.components.schemas.stylizer_Form;

  const query = new Map(generate.parameters.map((one: any) => [one.name, one.schema]));
  expect([...query.keys()]).toEqual(['label', 'seed', 'n', 'format', 'quality']);
  expect(query.get('label')).toMatchObject({ type: 'integer', minimum: 0, maximum: 9 });
  expect(styled.properties).toMatchObject({
    style: { format: 'binary' },
    strength: { type: 'number', minimum: 0, maximum: 1, default: 0.5 },
  });
  expect(styled.required).toEqual(['image', 'style']);
  expect(document.paths).not.toHaveProperty(['/models/files/classify']);
});

async function details(model: string): Promise<any> {
  return (await fetch(`${service.url}/models/${model}`)).json();
}
