import { readFileSync } from 'node:fs';
import path from 'node:path';

import sharp from 'sharp';

import type { Service } from '../../src/compose';
import { TAG } from '../../src/imaging/tiff/tiff-tags';
import { bmpOf } from '../support/bmp-file';
import { tiffFile } from '../support/tiff-file';
import { FIXTURES, photo, SHIPPED, startTestService } from '../support/service';

interface Reference {
  readonly photos: readonly {
    readonly file: string;
    readonly top: readonly {
      readonly index: number;
      readonly label: string;
      readonly score: number;
    }[];
  }[];
}

const reference = JSON.parse(
  readFileSync(path.join(FIXTURES, 'photos/reference.json'), 'utf8'),
) as Reference;
const COFFEE = readFileSync(photo('coffee.jpg'));
const CLASSIFY = '/models/efficientnet-lite0/classify';
const GENERATE = '/models/span-x2/generate';

let service: Service;

beforeAll(async () => {
  service = await startTestService({
    modelRepository: SHIPPED,
    models: ['efficientnet-lite0', 'selfie-segmentation', 'span-x2'],
    maxFileBytes: 2_000_000,
  });
});

afterAll(async () => {
  await service.stop();
});

function post(
  address: string,
  body: NonNullable<RequestInit['body']>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(service.url + address, { method: 'POST', body, headers });
}

function form(...files: Uint8Array[]): FormData {
  const data = new FormData();
  files.forEach((bytes, index) => {
    data.append('image', new Blob([Buffer.from(bytes)]), `${index}.jpg`);
  });
  return data;
}

async function json(response: Response): Promise<any> {
  return response.json();
}

function jpegHeaders(): Record<string, string> {
  return { 'Content-Type': 'image/jpeg' };
}

describe('classify', () => {
  test.each(reference.photos)(
    'answers the label of the reference pipeline for $file',
    async ({ file, top }) => {
      const response = await post(CLASSIFY, readFileSync(photo(file)), jpegHeaders());

      const body = await json(response);
      expect(response.status).toBe(200);
      expect(body.results[0].predictions[0].label).toBe(top[0]?.label);
      // Decoders and resize kernels differ in the last bit or two.
      expect(Math.abs(body.results[0].predictions[0].score - (top[0]?.score ?? 0))).toBeLessThan(
        0.03,
      );
    },
  );

  test('gives the same answer for a form, a raw body, octets, JSON and a data URL', async () => {
    const b64 = COFFEE.toString('base64');
    const asJson = { 'Content-Type': 'application/json' };

    const responses = await Promise.all([
      post(CLASSIFY, form(COFFEE)),
      post(CLASSIFY, COFFEE, jpegHeaders()),
      post(CLASSIFY, COFFEE, { 'Content-Type': 'application/octet-stream' }),
      post(CLASSIFY, JSON.stringify({ image: { b64 } }), asJson),
      post(
        CLASSIFY,
        JSON.stringify({ images: [{ b64: `data:image/jpeg;base64,${b64}` }] }),
        asJson,
      ),
      post('/models/efficientnet-lite0/versions/1/classify', COFFEE, jpegHeaders()),
      post(CLASSIFY, COFFEE, { 'Content-Type': 'application/x-www-form-urlencoded' }),
      fetch(service.url + CLASSIFY, { method: 'PUT', body: COFFEE }),
    ]);

    const bodies = await Promise.all(responses.map(json));
    for (const body of bodies) {
      expect(body.model).toBe('efficientnet-lite0');
      expect(body.version).toBe(1);
      expect(body.results).toHaveLength(1);
      expect(body.results[0].predictions).toEqual([
        expect.objectContaining({ label: 'espresso', index: 967 }),
        ...bodies[0].results[0].predictions
          .slice(1)
          .map(({ label }: { label: string }) => expect.objectContaining({ label })),
      ]);
    }
  });

  test('answers the same for the photo as BMP, as TIFF beside infrared, and as CMYK', async () => {
    const { data, info } = await sharp(COFFEE).raw().toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    const pixels = Array.from({ length: width * height }, (_, i) =>
      data.subarray(i * 3, i * 3 + 3),
    );
    const tiff = (photometric: number, samples: Buffer, tags = {}): Buffer =>
      tiffFile({
        tags: {
          [TAG.imageWidth]: width,
          [TAG.imageLength]: height,
          [TAG.bitsPerSample]: [8, 8, 8, 8],
          [TAG.compression]: 1,
          [TAG.photometric]: photometric,
          [TAG.samplesPerPixel]: 4,
          [TAG.rowsPerStrip]: height,
          ...tags,
        },
        chunks: [samples],
      });
    const infrared = Buffer.concat(pixels.map((rgb) => Buffer.from([...rgb, 7])));
    const inks = Buffer.concat(pixels.map((rgb) => Buffer.from([...rgb.map((c) => 255 - c), 0])));

    const responses = await Promise.all(
      [
        COFFEE,
        bmpOf(data, width, height),
        tiff(2, infrared, { [TAG.extraSamples]: 0 }),
        tiff(5, inks),
      ].map((body) => post(CLASSIFY, body, { 'Content-Type': 'application/octet-stream' })),
    );

    for (const body of await Promise.all(responses.map(json))) {
      expect(body.results[0].predictions[0].label).toBe('espresso');
      expect(Math.abs(body.results[0].predictions[0].score - 0.955)).toBeLessThan(0.01);
    }
  });

  test('limits the predictions to ?top= and sends the stage timings', async () => {
    const response = await post(`${CLASSIFY}?top=2`, COFFEE, {
      ...jpegHeaders(),
      'X-Request-Id': 'mine-1',
    });

    const body = await json(response);
    expect(body.results[0].predictions).toHaveLength(2);
    expect(Object.keys(body.timings)).toEqual([
      'preprocessMs',
      'queueMs',
      'inferMs',
      'postprocessMs',
    ]);
    expect(response.headers.get('server-timing')).toMatch(
      /^preprocess;dur=[\d.]+, queue;dur=[\d.]+, infer/,
    );
    expect(response.headers.get('x-request-id')).toBe('mine-1');
  });

  test('answers good images beside bad ones, each in its place', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>');
    const response = await post(
      CLASSIFY,
      form(
        COFFEE,
        svg,
        COFFEE.subarray(0, 9000),
        readFileSync(photo('chelsea.jpg')),
        Buffer.alloc(0),
      ),
    );

    const { results } = await json(response);
    expect(response.status).toBe(200);
    expect(results.map((r: any) => r.error?.code ?? r.predictions[0].label)).toEqual([
      'espresso',
      'UNSUPPORTED_IMAGE_FORMAT',
      'UNDECODABLE_IMAGE',
      'tiger cat',
      'BAD_REQUEST',
    ]);
    expect(results[1].error.detail).toMatch(/SVG files are not accepted; allowed are JPEG/);
  });
});

describe('generate', () => {
  test('answers one image with the picture itself, twice the size', async () => {
    const response = await post(GENERATE, COFFEE, jpegHeaders());

    const picture = sharp(Buffer.from(await response.arrayBuffer()));
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(await picture.metadata()).toMatchObject({
      format: 'png',
      width: 1200,
      height: 800,
      channels: 3,
    });
    // It is the same picture: scaled down again, it is the one that was sent.
    const small = await picture.resize(60, 40).raw().toBuffer();
    const sent = await sharp(COFFEE, { ignoreIcc: true }).resize(60, 40).raw().toBuffer();
    const difference = small.reduce((sum, value, i) => sum + Math.abs(value - (sent[i] ?? 0)), 0);
    expect(difference / small.length).toBeLessThan(3);
  });

  test.each([
    ['?format=webp', {}, 'image/webp', 'webp'],
    ['?format=jpg&quality=50', {}, 'image/jpeg', 'jpeg'],
    ['', { Accept: 'image/jpeg' }, 'image/jpeg', 'jpeg'],
    ['', { Accept: '*/*' }, 'image/png', 'png'],
  ])('chooses the format from %s %j', async (query, headers, mediaType, format) => {
    const small = await sharp(COFFEE).resize(64, 48).jpeg().toBuffer();

    const response = await post(GENERATE + query, small, { ...jpegHeaders(), ...headers });

    const picture = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
    expect(response.headers.get('content-type')).toBe(mediaType);
    expect(picture).toMatchObject({ format, width: 128, height: 96 });
  });

  test('answers several images of different sizes as JSON, each in its place', async () => {
    const wide = await sharp(COFFEE).resize(80, 40, { fit: 'fill' }).png().toBuffer();
    const tall = await sharp(COFFEE).resize(30, 70, { fit: 'fill' }).png().toBuffer();
    const tiny = await sharp(COFFEE).resize(8, 8).png().toBuffer();

    const response = await post(GENERATE, form(wide, tiny, tall));

    const { results } = await json(response);
    expect(results[0].image).toMatchObject({ mediaType: 'image/png', width: 160, height: 80 });
    expect(results[1].error).toMatchObject({ code: 'IMAGE_SIZE_NOT_ALLOWED', status: 422 });
    expect(results[2].image).toMatchObject({ width: 60, height: 140 });
    const decoded = await sharp(Buffer.from(results[0].image.b64, 'base64')).metadata();
    expect(decoded).toMatchObject({ format: 'png', width: 160, height: 80 });
  });

  test('answers several images as multipart/mixed when asked to', async () => {
    const small = await sharp(COFFEE).resize(32, 32).png().toBuffer();

    const response = await post(GENERATE, form(small, Buffer.from('no image')), {
      Accept: 'multipart/mixed',
    });

    const parts = Buffer.from(await response.arrayBuffer()).toString('latin1');
    expect(response.headers.get('content-type')).toMatch(/^multipart\/mixed; boundary=/);
    expect(parts).toMatch(
      /Content-Type: image\/png\r\n[^]*\x89PNG[^]*Content-Type: application\/problem\+json/,
    );
  });
});

describe('errors', () => {
  test.each([
    [
      'an unknown model',
      '/models/nothing/classify',
      404,
      'MODEL_NOT_FOUND',
      /there are: efficientnet-lite0/,
    ],
    [
      'an unknown version',
      '/models/efficientnet-lite0/versions/7/classify',
      404,
      'VERSION_NOT_FOUND',
      /there are: 1/,
    ],
    [
      'a version that is no number',
      '/models/efficientnet-lite0/versions/x/classify',
      400,
      'BAD_REQUEST',
      /whole numbers/,
    ],
    ['the wrong task', '/models/span-x2/classify', 409, 'WRONG_TASK', /image-to-image/],
    ['a bad query', `${CLASSIFY}?top=0`, 400, 'BAD_REQUEST', /top/],
    ['an unknown address', '/modles', 404, 'ROUTE_NOT_FOUND', /\/modles/],
  ])('answers %s with its problem', async (_what, address, status, code, detail) => {
    const response = await post(address, COFFEE, jpegHeaders());

    const problem = await json(response);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect({ status: response.status, code: problem.code }).toEqual({ status, code });
    expect(problem.detail).toMatch(detail);
    expect(problem.requestId).toBe(response.headers.get('x-request-id'));
    expect(JSON.stringify(problem)).not.toMatch(/at .*\.[jt]s/);
  });

  test('names the allowed methods', async () => {
    const response = await fetch(service.url + CLASSIFY);

    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST, PUT');
  });

  test.each([
    ['broken JSON', { 'Content-Type': 'application/json' }, 400, 'BAD_REQUEST'],
    ['a form without a boundary', { 'Content-Type': 'multipart/form-data' }, 400, 'BAD_REQUEST'],
    [
      'an Accept that cannot be met',
      { 'Content-Type': 'image/jpeg', Accept: 'text/html' },
      406,
      'NOT_ACCEPTABLE',
    ],
  ])('refuses %s', async (_what, headers, status, code) => {
    const response = await post(CLASSIFY, COFFEE, headers);

    expect({ status: response.status, code: (await json(response)).code }).toEqual({
      status,
      code,
    });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded'])(
    'refuses what is not an image by its bytes nor by its type, %s',
    async (type) => {
      const response = await post(CLASSIFY, 'image=photo.jpg', { 'Content-Type': type });

      expect({ status: response.status, code: (await json(response)).code }).toEqual({
        status: 415,
        code: 'UNSUPPORTED_MEDIA_TYPE',
      });
    },
  );

  test('refuses a file over the limit, announced or not', async () => {
    const large = Buffer.alloc(2_000_001, 1);

    const raw = await post(CLASSIFY, large, jpegHeaders());
    const inForm = await post(CLASSIFY, form(large));
    const inJson = await post(
      CLASSIFY,
      JSON.stringify({ image: { b64: large.toString('base64') } }),
      {
        'Content-Type': 'application/json',
      },
    );

    expect([raw.status, inForm.status, inJson.status]).toEqual([413, 413, 413]);
  });

  test('refuses a form whose files are in another field, naming the right one', async () => {
    const data = new FormData();
    data.append('picture', new Blob([COFFEE]), 'a.jpg');

    const response = await post(CLASSIFY, data);

    expect(response.status).toBe(400);
    expect((await json(response)).detail).toMatch(/field "picture".*"image"/);
  });
});

describe('what is served', () => {
  test('lists models with state, signature, configuration and device', async () => {
    const list = await json(await fetch(`${service.url}/models`));
    const model = await json(await fetch(`${service.url}/models/efficientnet-lite0`));

    expect(list.models.map(({ name }: { name: string }) => name)).toEqual([
      'efficientnet-lite0',
      'selfie-segmentation',
      'span-x2',
    ]);
    expect(model).toMatchObject({
      name: 'efficientnet-lite0',
      task: 'image-classification',
      versions: [{ version: 1, state: 'AVAILABLE', ready: true }],
      servable: {
        version: 1,
        labels: 1000,
        signature: 'serving_default',
        batching: { maxBatchSize: 4 },
      },
    });
    expect(model.servable.signatures.serving_default.inputs).toEqual([
      { name: 'images', dtype: 'float32', tensorflowType: 'DT_FLOAT', shape: [-1, 224, 224, 3] },
    ]);
  });

  test('is live and ready', async () => {
    expect(await json(await fetch(`${service.url}/v2/health/live`))).toEqual({ live: true });
    expect(await json(await fetch(`${service.url}/v2/health/ready`))).toEqual({ ready: true });
  });

  test('counts what it does in Prometheus metrics', async () => {
    await post(CLASSIFY, COFFEE, jpegHeaders());

    const text = await (await fetch(`${service.url}/metrics`)).text();

    expect(text).toMatch(
      /tfjs_serving_inference_requests_total\{model="efficientnet-lite0",version="1",code="OK"\} \d+/,
    );
    expect(text).toMatch(
      /tfjs_serving_stage_duration_seconds_count\{model="efficientnet-lite0",version="1",stage="infer"\} \d+/,
    );
    expect(text).toMatch(
      /tfjs_serving_http_requests_total\{method="POST",route="\/models\/:name\/classify",status="200"\} \d+/,
    );
    expect(text).toMatch(/tfjs_serving_queue_depth\{model="efficientnet-lite0",version="1"\} 0/);
    expect(text).toContain(
      'tfjs_serving_model_info{model="efficientnet-lite0",version="1",task="image-classification"} 1',
    );
  });
});
