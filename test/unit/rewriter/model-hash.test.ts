import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { hashModel } from '../../../src/rewriter/model-hash';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hash-'));
  await writeFile(path.join(folder, 'saved_model.pb'), 'graph');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test.each(['variables/variables.index', 'assets/words.txt', 'assets.extra/deep/below.txt'])(
  'another %s makes another rewrite',
  async (file) => {
    const hash = (): Promise<string> => hashModel(folder, 'runtime', 'constants');
    const without = await hash();
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), 'one');
    const one = await hash();
    await writeFile(path.join(folder, file), 'two');
    const two = await hash();

    expect(new Set([without, one, two]).size).toBe(3);
    await writeFile(path.join(folder, file), 'one');
    expect(await hash()).toBe(one);
  },
);
