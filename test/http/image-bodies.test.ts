import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import type { Express } from 'express';
import request from 'supertest';

import type { ImageUseCase } from '../../src/inference/image-inference';
import { createBareApps } from '../support/bare-app';
import { testBodies } from '../support/bodies';
import { card, ENCODERS } from '../support/pictures';
import { resultOf, TIMINGS } from '../support/predictions';
import { A_PHOTO } from '../support/inputs';
import { imageClassification } from '../../src/tasks/image-classification/task';

const LIMITS = { maxBodyBytes: 200_000, maxFileBytes: 100_000, maxFiles: 4 };
const BOUNDARY = 'XbX';
const FORM = `multipart/form-data; boundary=${BOUNDARY}`;

let photo: Buffer;
let apps: { readonly app: Express; readonly close: () => void };

/** Calls an image that came through unchanged "photo", and any other by its bytes. */
const inference: ImageUseCase = {
  admit: () => ({ task: imageClassification, inputs: A_PHOTO }),
  answer: ({ model, images }) =>
    Promise.resolve({
      model,
      version: 1,
      timings: TIMINGS,
      results: images.map((image) => resultOf(image, labelOf)),
    }),
};

function labelOf(image: Uint8Array): string {
  const bytes = Buffer.from(image);
  return bytes.equals(photo) ? 'photo' : bytes.toString('latin1', 0, 40);
}

beforeAll(async () => {
  photo = await ENCODERS.jpeg(card());
});
beforeEach(() => {
  apps = createBareApps({ inference, bodies: testBodies(LIMITS) });
});
afterEach(() => {
  apps.close();
});

interface Answer {
  readonly status: number;
  readonly labels: readonly string[];
  readonly detail: string;
}

async function send(
  body: Buffer | string | undefined,
  headers: Readonly<Record<string, string>> = {},
  method: 'post' | 'put' = 'post',
): Promise<Answer> {
  const sending = request(apps.app)[method]('/models/m/classify').set(headers);
  // Without a type supertest would choose one.
  if (headers['Content-Type'] === undefined) sending.unset('Content-Type');
  const response = await sending.serialize((data: Buffer) => data as unknown as string).send(body);
  const { results = [], detail = '' } = response.body as {
    readonly results?: readonly { readonly predictions?: readonly { readonly label: string }[] }[];
    readonly detail?: string;
  };
  return {
    status: response.status,
    labels: results.map(({ predictions }) => predictions?.[0]?.label ?? 'failed'),
    detail,
  };
}

interface PartOptions {
  readonly disposition?: string;
  readonly headers?: string;
  readonly content?: Buffer | string;
}

function part({
  disposition = 'form-data; name="image"; filename="a.jpg"',
  headers = 'Content-Type: image/jpeg\r\n',
  content = photo,
}: PartOptions = {}): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: ${disposition}\r\n${headers}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from('\r\n')]);
}

const form = (...parts: readonly Buffer[]): Buffer =>
  Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);

const text = (name: string, value: string): Buffer =>
  part({ disposition: `form-data; name="${name}"`, headers: '', content: value });

describe('forms', () => {
  test.each([
    'image',
    'images',
    'image[]',
    'images[]',
    'image[0]',
    'file',
    'files',
    'files[]',
    'Image',
  ])('the field %s holds an image', async (name) => {
    const answer = await send(
      form(part({ disposition: `form-data; name="${name}"; filename="a.jpg"` })),
      { 'Content-Type': FORM },
    );

    expect(answer).toMatchObject({ status: 200, labels: ['photo'] });
  });

  test.each([
    ['with an image type', 'form-data; name="image"', 'Content-Type: image/jpeg\r\n'],
    [
      'with the type of any bytes',
      'form-data; name="image"',
      'Content-Type: application/octet-stream\r\n',
    ],
    ['without a type', 'form-data; name="image"', ''],
    ['as text', 'form-data; name="image"', 'Content-Type: text/plain\r\n'],
    ['with an empty name', 'form-data; name="image"; filename=""', 'Content-Type: image/jpeg\r\n'],
  ])('a part without a file name is a file: %s', async (_what, disposition, headers) => {
    const answer = await send(
      form(part({ disposition, headers }), part({ disposition, headers })),
      {
        'Content-Type': FORM,
      },
    );

    expect(answer).toMatchObject({ status: 200, labels: ['photo', 'photo'] });
  });

  test.each([
    ['with quotes and backslashes', String.raw`form-data; name="image"; filename="C:\\a\"b\".jpg"`],
    ['in UTF-8', 'form-data; name="image"; filename="фото ☃.jpg"'],
    ['that is encoded', 'form-data; name="image"; filename*=UTF-8\'\'%e2%98%83.jpg'],
    ['with a field name in it', 'form-data; filename="x; name=other"; name="image"'],
    ['without quotes, and in capitals', 'FORM-DATA; NAME=image; FILENAME=a.jpg'],
    ['of an attachment', 'attachment; name="image"; filename="a.jpg"'],
  ])('a file name %s changes nothing', async (_what, disposition) => {
    expect(await send(form(part({ disposition })), { 'Content-Type': FORM })).toMatchObject({
      status: 200,
      labels: ['photo'],
    });
  });

  test.each([
    `multipart/form-data; boundary=${BOUNDARY};`,
    `multipart/form-data; boundary="${BOUNDARY}"`,
    `multipart/form-data; charset=utf-8; boundary=${BOUNDARY}`,
    `Multipart/Form-Data; BOUNDARY=${BOUNDARY} ; charset=utf8`,
  ])('the Content-Type may be %s', async (type) => {
    expect(await send(form(part()), { 'Content-Type': type })).toMatchObject({
      status: 200,
      labels: ['photo'],
    });
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('a form in %s is inflated', async (encoding, compress) => {
    const headers = { 'Content-Type': FORM, 'Content-Encoding': encoding };

    const whole = await send(compress(form(part(), part())), headers);
    const bomb = await send(compress(form(part({ content: Buffer.alloc(150_000) }))), headers);

    expect(whole).toMatchObject({ status: 200, labels: ['photo', 'photo'] });
    expect(bomb).toMatchObject({ status: 413 });
  });

  test('text beside the files, empty fields and what was not chosen are skipped', async () => {
    const body = form(
      text('comment', 'holiday'),
      text('images[]', ''),
      part({
        disposition: 'form-data; name="files"; filename=""',
        headers: 'Content-Type: application/octet-stream\r\n',
        content: '',
      }),
      part(),
      text('image', 'a word'),
      ...Array.from({ length: 12 }, (_, i) => text(`field${i}`, 'x'.repeat(5000))),
    );

    expect(await send(body, { 'Content-Type': FORM })).toMatchObject({
      status: 200,
      labels: ['photo'],
    });
  });

  test.each<[string, () => Buffer, RegExp]>([
    [
      'an unknown file field',
      () => form(part({ disposition: 'form-data; name="picture"; filename="a.jpg"' })),
      /Unexpected file field "picture": images go into the field "image" \(or images, file, files/,
    ],
    [
      'a field without a name',
      () => form(part({ disposition: 'form-data; filename="a.jpg"' })),
      /a part of the form has no name/i,
    ],
    ['no file', () => form(text('comment', 'x')), /holds no file; images go into the field/],
    [
      'text instead of a file',
      () => form(text('image', '@photo.jpg')),
      /its field "image" is text; send the file itself, as curl -F image=@photo.jpg does/,
    ],
    ['no part at all', () => form(), /holds no file/],
    [
      'another boundary',
      () => Buffer.from('--other\r\n\r\nx\r\n--other--\r\n'),
      /the boundary that its Content-Type names is not in it/,
    ],
    ['no end', () => part(), /malformed: its end is missing/],
    [
      'too many fields',
      () => form(...Array.from({ length: 17 }, (_, i) => text(`f${i}`, 'x'))),
      /more than 16 fields that are not files/,
    ],
    [
      'a header that never ends',
      () => Buffer.concat([part(), Buffer.from(`--${BOUNDARY}\r\nX: ${'y'.repeat(20_000)}`)]),
      /header of a part is longer/,
    ],
  ])('%s is 400 and said', async (_what, body, detail) => {
    expect(await send(body(), { 'Content-Type': FORM })).toMatchObject({
      status: 400,
      detail: expect.stringMatching(detail),
    });
  });

  test('a Content-Type without a boundary is told who adds one', async () => {
    expect(await send(form(part()), { 'Content-Type': 'multipart/form-data' })).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/names no boundary: leave the header to the HTTP client/),
    });
  });

  test.each([
    ['with a file name', 'form-data; name="image"; filename="a.jpg"', 413],
    ['without one', 'form-data; name="image"', 413],
  ])('limits hold for files %s', async (_what, disposition, status) => {
    const large = part({ disposition, content: Buffer.alloc(100_001) });
    const many = Array.from({ length: 5 }, () => part({ disposition }));

    expect(await send(form(large), { 'Content-Type': FORM })).toMatchObject({ status });
    expect(await send(form(...many), { 'Content-Type': FORM })).toMatchObject({ status });
  });
});

describe('the file itself', () => {
  test.each([
    'image/jpeg',
    'image/jpg',
    'IMAGE/JPEG',
    'image/*',
    'image/jpeg; charset=binary',
    'application/octet-stream; charset=utf8',
    'binary/octet-stream',
    // What curl --data-binary sends.
    'application/x-www-form-urlencoded',
    'text/plain',
    '*/*',
    'jpeg',
    'image/jpeg, image/jpeg',
  ])('as %s', async (type) => {
    expect(await send(photo, { 'Content-Type': type })).toMatchObject({
      status: 200,
      labels: ['photo'],
    });
  });

  test('without a Content-Type, and by PUT', async () => {
    expect(await send(photo)).toMatchObject({ status: 200, labels: ['photo'] });
    expect(await send(photo, {}, 'put')).toMatchObject({ status: 200, labels: ['photo'] });
    expect(await send(form(part()), { 'Content-Type': FORM }, 'put')).toMatchObject({
      status: 200,
    });
  });

  test('what is refused by name later comes through without a type', async () => {
    const heic = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1');

    expect((await send(heic)).status).toBe(200);
  });

  test.each([
    ['application/x-www-form-urlencoded', 'image=x'],
    ['text/plain', 'hello'],
    ['text/html', '<!doctype html><html></html>'],
    ['multipart/mixed; boundary=b', '--b\r\n\r\nx\r\n--b--\r\n'],
  ])('%s that is not an image by its bytes is 415', async (type, body) => {
    const { status, detail } = await send(body, { 'Content-Type': type });

    expect(status).toBe(415);
    expect(detail).toContain(
      `Content-Type ${type} is only accepted for what is an image by its first bytes`,
    );
  });

  test('a body without a type that is not an image is 415 before all of it has come', async () => {
    const { status, detail } = await send(Buffer.alloc(150_000, 'x'));

    expect(status).toBe(415);
    expect(detail).toMatch(/^A body without a Content-Type is only accepted/);
  });

  test.each(['image/jpeg', 'application/json', 'application/octet-stream', FORM, 'text/plain', ''])(
    'no body is 400 with the type %j',
    async (type) => {
      const headers: Record<string, string> = type === '' ? {} : { 'Content-Type': type };

      for (const body of [undefined, Buffer.alloc(0)]) {
        expect(await send(body, headers)).toMatchObject({
          status: 400,
          detail: expect.stringMatching(/^The request has no body; send an image as/),
        });
      }
    },
  );

  test('an empty body that is compressed counts as none too', async () => {
    expect(
      await send(gzipSync(''), { 'Content-Type': 'image/jpeg', 'Content-Encoding': 'gzip' }),
    ).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/^The request has no body/),
    });
  });
});

describe('JSON', () => {
  const image = (): { readonly b64: string } => ({ b64: photo.toString('base64') });

  test.each([
    'application/json',
    'application/json; charset=utf8',
    'application/json; charset=UTF-8',
    'text/json',
    'application/vnd.api+json',
    // What curl -d sends, and those that forget the type.
    'application/x-www-form-urlencoded',
    'text/plain',
  ])('as %s, with a byte-order mark or without', async (type) => {
    const body = JSON.stringify({ image: image() });

    for (const sent of [body, `\ufeff${body}`]) {
      expect(await send(Buffer.from(sent), { 'Content-Type': type })).toMatchObject({
        status: 200,
        labels: ['photo'],
      });
    }
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'an unknown key',
      () => ({ image: image(), top: 1 }),
      /^The JSON body has the unknown key "top"; it must be \{"image"/,
    ],
    ['unknown keys', () => ({ picture: 1, name: 2 }), /has the unknown keys "picture", "name"/],
    [
      'an unknown key of an image',
      () => ({ image: { ...image(), name: 'x' } }),
      /^"image" in the JSON body has the unknown key "name"/,
    ],
    [
      'an unknown key of one of several',
      () => ({ images: [image(), { ...image(), x: 1 }] }),
      /^"images\[1\]" in the JSON body has the unknown key "x"/,
    ],
    ['both', () => ({ image: image(), images: [image()] }), /has both "image" and "images"/],
    ['a string', () => ({ image: image().b64 }), /^"image" in the JSON body is not an object/],
    [
      'a list of strings',
      () => ({ images: ['x'] }),
      /^"images\[0\]" in the JSON body is not an object/,
    ],
    ['no list', () => ({ images: image() }), /^"images" in the JSON body is not a list/],
    ['an empty list', () => ({ images: [] }), /^"images" in the JSON body is empty/],
    ['no file', () => ({ image: {} }), /^"image" in the JSON body has no "b64"/],
    ['a number', () => ({ image: { b64: 7 } }), /^"image.b64" in the JSON body is not a string/],
    ['nothing', () => ({}), /^The JSON body has no image/],
    ['a list', () => [image()], /^The JSON body is not an object/],
  ])('%s is 400 and named', async (_what, body, detail) => {
    expect(
      await send(JSON.stringify(body()), { 'Content-Type': 'application/json' }),
    ).toMatchObject({ status: 400, detail: expect.stringMatching(detail) });
  });

  test('base64 whose + became spaces is not taken for a damaged file', async () => {
    // Eight of them: what is left without them has a length that base64 can have.
    const withPlus = Buffer.from('+aaaaaaa'.repeat(8), 'base64');
    const b64 = withPlus.toString('base64');
    expect(b64).toContain('+');

    expect(
      await send(JSON.stringify({ image: { b64: b64.replaceAll('+', ' ') } }), {
        'Content-Type': 'application/json',
      }),
    ).toMatchObject({ status: 400, detail: 'The value of "b64" is not base64' });
  });
});
