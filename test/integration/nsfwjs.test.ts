import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import sharp from 'sharp';

import {
  makeRepository,
  photo,
  removeFolder,
  SHIPPED,
  shippedModel,
  startTestService,
} from '../support/service';

/** scripts/export/nsfwjs.mjs fetches the model and writes the reference. */
const FETCHED = path.join(SHIPPED, 'nsfwjs');
const SIZE = 224;

// The model is not part of this repository.
const ifFetched = existsSync(path.join(FETCHED, 'reference.json')) ? test : test.skip;

ifFetched(
  'nsfwjs answers as its own code does, on the same pixels',
  async () => {
    const reference = JSON.parse(
      readFileSync(path.join(FETCHED, 'reference.json'), 'utf8'),
    ) as Record<string, number[]>;
    const repository = await makeRepository({ nsfwjs: shippedModel('nsfwjs') });
    const service = await startTestService({ modelRepository: repository, optimize: true });
    try {
      for (const [name, expected] of Object.entries(reference)) {
        const image = await sharp(photo(name))
          .resize(SIZE, SIZE, { fit: 'fill' })
          .removeAlpha()
          .png()
          .toBuffer();
        const response = await fetch(`${service.url}/models/nsfwjs/classify`, {
          method: 'POST',
          headers: { 'Content-Type': 'image/png' },
          body: new Uint8Array(image),
        });

        const { results } = (await response.json()) as {
          results: { predictions: { label: string; index: number; score: number }[] }[];
        };
        const { predictions } = results[0]!;
        expect(predictions).toHaveLength(5);
        for (const { index, score } of predictions) expect(score).toBeCloseTo(expected[index]!, 3);
      }
    } finally {
      await service.stop();
      await removeFolder(repository);
    }
  },
  120_000,
);
