import { readFileSync } from 'node:fs';

import sharp from 'sharp';

import type { Service } from '../../src/compose';
import {
  makeRepository,
  photo,
  removeFolder,
  SHIPPED,
  startTestService,
  toy,
} from '../support/service';
import { submitRow } from '../support/tensors';

/** Pictures that all differ, in every format, and some files that are no pictures. */
async function mixedUploads(count: number): Promise<Buffer[]> {
  const photos = ['coffee.jpg', 'chelsea.jpg', 'rocket.jpg', 'astronaut.jpg', 'camera-grey.jpg'];
  const formats = ['jpeg', 'png', 'webp', 'tiff', 'gif'] as const;
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const bytes = readFileSync(photo(photos[i % photos.length] ?? 'coffee.jpg'));
      if (i % 10 === 7) return bytes.subarray(0, 5000 + i);
      if (i % 10 === 8) return Buffer.from(`no picture ${String(i)}`);
      return sharp(bytes)
        .extract({ left: i % 50, top: i % 31, width: 200 + i, height: 250 })
        .modulate({ brightness: 0.7 + (i % 7) * 0.1 })
        .toFormat(formats[(i >> 1) % formats.length] ?? 'png')
        .toBuffer();
    }),
  );
}

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly predictions: readonly { readonly index: number; readonly score: number }[];
}

async function classify(service: Service, bytes: Buffer): Promise<Answer> {
  const response = await fetch(`${service.url}/models/efficientnet-lite0/classify`, {
    method: 'POST',
    body: bytes,
    headers: { 'Content-Type': 'application/octet-stream' },
  });
  const body: any = await response.json();
  return {
    status: response.status,
    code: body.code,
    predictions: body.results?.[0].predictions ?? [],
  };
}

describe('many clients at once', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startTestService({
      modelRepository: SHIPPED,
      models: ['efficientnet-lite0'],
      instances: 2,
    });
  });
  afterAll(async () => {
    await service.stop();
  });

  test('each of 60 mixed uploads gets the answer it would get alone', async () => {
    const uploads = await mixedUploads(60);
    const alone: Answer[] = [];
    for (const upload of uploads) alone.push(await classify(service, upload));

    const together = await Promise.all(uploads.map((upload) => classify(service, upload)));

    expect(together.map(({ status, code }) => ({ status, code }))).toEqual(
      alone.map(({ status, code }) => ({ status, code })),
    );
    expect(alone.filter(({ status }) => status === 200)).toHaveLength(48);
    for (const [i, answer] of together.entries()) {
      const expected = alone[i]?.predictions ?? [];
      // The same sums in another order differ in the last digits.
      expect(answer.predictions.map(({ index }) => index)[0]).toBe(expected[0]?.index);
      for (const [rank, { score }] of answer.predictions.entries()) {
        expect(score).toBeCloseTo(expected[rank]?.score ?? NaN, 3);
      }
    }
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    const value = (name: string): number =>
      Number(
        new RegExp(`${name}\\{model="efficientnet-lite0",version="1"\\} (\\d+)`).exec(metrics)?.[1],
      );
    expect(value('tfjs_serving_inference_count_total')).toBe(96);
    expect(value('tfjs_serving_admitted_requests')).toBe(0);
  });
});

describe('a request that the model fails on', () => {
  let repository: string;
  let service: Service;
  beforeAll(async () => {
    repository = await makeRepository({
      assert_positive: toy('assert_positive', { batching: { maxBatchSize: 8 } }),
    });
    service = await startTestService({ modelRepository: repository });
  });
  afterAll(async () => {
    await service.stop();
    await removeFolder(repository);
  });

  test('meets others in its batch: requests that come together share a run', async () => {
    const rows = Array.from({ length: 8 }, (_, i) => [i, i, i, i]);

    const results = await Promise.all(
      rows.map((row) => submitRow(service, 'assert_positive', row, { shape: [1, 4] })),
    );

    expect(results.map(({ values }) => values[0])).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
    expect(results.map(({ batchRows }) => batchRows)).toEqual(rows.map(() => 8));
  });

  test('fails alone: its neighbours in the batch are answered', async () => {
    const rows = Array.from({ length: 16 }, (_, i) => [i, i, i, i === 5 || i === 11 ? -1 : i]);

    const results = await Promise.allSettled(
      rows.map((row) => submitRow(service, 'assert_positive', row, { shape: [1, 4] })),
    );

    for (const [i, result] of results.entries()) {
      if (i === 5 || i === 11) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: {
            code: 'INFERENCE_FAILED',
            message: expect.stringContaining('negative element'),
          },
        });
      } else {
        expect(result).toMatchObject({
          status: 'fulfilled',
          value: { values: [2 * i, 2 * i, 2 * i, 2 * i] },
        });
      }
    }
    expect(service.manager.get('assert_positive').servables[0]?.batcher.admission.admitted).toBe(0);
  });
});
