import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import type { Service } from '../../src/compose';
import { pythonVenv, skipReason } from '../support/python-venv';
import {
  makeRepository,
  photo,
  removeFolder,
  SHIPPED,
  startTestService,
  toy,
} from '../support/service';

const venv = pythonVenv(path.join(__dirname, 'tfserving.txt'));
let service: Service | undefined;
let repository: string | undefined;

beforeAll(async () => {
  if (venv.folder === undefined) return;
  repository = await makeRepository({
    half: {
      ...toy('half_plus_two', { versionPolicy: 'all', versionLabels: { stable: 1 } }),
      versions: [1, 2],
    },
    types: toy('every_type'),
    examples: toy('examples'),
    photos: { from: `${SHIPPED}/efficientnet-lite0/1` },
  });
  service = await startTestService({ modelRepository: repository });
});
afterAll(async () => {
  await service?.stop();
  if (repository !== undefined) await removeFolder(repository);
});

(venv.folder === undefined ? test.skip : test)(
  `a client of TensorFlow Serving finds all that it knows${skipReason(venv)}`,
  async () => {
    const { stdout } = await promisify(execFile)(
      path.join(venv.folder ?? '', 'bin/python'),
      [path.join(__dirname, 'tfserving_client.py'), service?.url ?? '', photo('coffee.jpg')],
      { encoding: 'utf8' },
    );

    // ImageNet's 967 is espresso.
    expect(stdout).toBe('class 967\nall right\n');
  },
);
