import path from 'node:path';

import type { Service } from '../../src/compose';
import { pythonVenv, skipReason } from '../support/python-venv';
import { runProgram } from '../support/run-program';
import {
  addVersion,
  makeRepository,
  photo,
  removeFolder,
  shippedModel,
  startTestService,
  toy,
} from '../support/service';

const venv = pythonVenv(path.join(__dirname, 'tritonclient.txt'));
let service: Service | undefined;
let repository: string | undefined;

beforeAll(async () => {
  if (venv.folder === undefined) return;
  repository = await makeRepository({
    half_plus_two: toy('half_plus_two'),
    two_signatures: toy('two_signatures'),
    every_type: toy('every_type'),
    classifier: shippedModel('efficientnet-lite0'),
  });
  service = await startTestService({ modelRepository: repository, modelControl: 'explicit' });
  // Came after the start: only a client loads it.
  await addVersion(repository, 'spare', 1, toy('half_plus_three'));
});
afterAll(async () => {
  await service?.stop();
  if (repository !== undefined) await removeFolder(repository);
});

(venv.folder === undefined ? test.skip : test)(
  `tritonclient gets what it gets from Triton${skipReason(venv)}`,
  async () => {
    const { code, output } = await runProgram(path.join(venv.folder ?? '', 'bin/python'), [
      path.join(__dirname, 'triton_http_client.py'),
      new URL(service?.url ?? '').host,
      photo('coffee.jpg'),
    ]);

    expect(output).toMatch(/^all passed$/m);
    expect(code).toBe(0);
  },
);
