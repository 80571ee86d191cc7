import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Service } from '../../src/compose';
import { pythonVenv, skipReason } from '../support/python-venv';
import { runProgram } from '../support/run-program';
import {
  makeRepository,
  removeFolder,
  shippedModel,
  startTestService,
  toy,
} from '../support/service';

const venv = pythonVenv(path.join(__dirname, 'schemathesis.txt'));
let service: Service | undefined;
let repository: string;
let scratch: string;

beforeAll(async () => {
  if (venv.folder === undefined) return;
  scratch = await mkdtemp(path.join(tmpdir(), 'schemathesis-'));
  repository = await makeRepository({
    half_plus_two: toy('half_plus_two'),
    spare: toy('half_plus_three'),
    two_signatures: toy('two_signatures'),
    every_type: toy('every_type'),
    examples: toy('examples'),
    'efficientnet-lite0': shippedModel('efficientnet-lite0'),
    'span-x2': shippedModel('span-x2'),
  });
  service = await startTestService({ modelRepository: repository, modelControl: 'explicit' });
});
afterAll(async () => {
  await service?.stop();
  for (const folder of [repository, scratch]) if (folder) await removeFolder(folder);
});

(venv.folder === undefined ? test.skip : test)(
  `schemathesis finds no server error and no answer that is not documented${skipReason(venv)}`,
  async () => {
    const { code, output } = await runProgram(
      path.join(venv.folder ?? '', 'bin/st'),
      [
        `--config-file=${path.join(__dirname, 'schemathesis.toml')}`,
        '--no-color',
        'run',
        `${service?.url ?? ''}/openapi.json`,
        '--seed=1',
        '--max-examples=20',
        '--warnings=off',
      ],
      // It leaves its database of examples where it runs.
      { cwd: scratch },
    );

    expect(output).toContain('generated');
    // The report of what it found, and nothing else.
    expect(code === 0 ? '' : output).toBe('');
  },
  // Half a minute alone; several times that beside other work.
  300_000,
);
