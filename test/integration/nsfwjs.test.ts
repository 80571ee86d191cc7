import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

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

// The model is not part of this repository.
const ifFetched = existsSync(path.join(FETCHED, 'reference.json')) ? test : test.skip;

ifFetched(
  'nsfwjs answers as its own code does, from the file to the scores',
  async () => {
    const reference = JSON.parse(
      readFileSync(path.join(FETCHED, 'reference.json'), 'utf8'),
    ) as Record<string, number[]>;
    const repository = await makeRepository({ nsfwjs: shippedModel('nsfwjs') });
    const service = await startTestService({ modelRepository: repository, optimize: true });
    try {
      for (const [name, expected] of Object.entries(reference)) {
        const response = await fetch(`${service.url}/models/nsfwjs/classify?top=5`, {
          method: 'POST',
          headers: { 'Content-Type': 'image/jpeg' },
          body: new Uint8Array(readFileSync(photo(name))),
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
