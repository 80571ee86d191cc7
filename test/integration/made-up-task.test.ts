import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import { writeReport } from '../../src/commands/score/report/write-report';
import { csvFormat } from '../../src/commands/score/rows/csv-format';
import type { ScoreRow } from '../../src/commands/score/rows/score-row';
import type { Service } from '../../src/compose';
import { removeFolder, startTestService } from '../support/service';
import { writeEncoder } from '../support/task-models';

/** A task of a test's own is served once it is in the list: nothing else knows it. */
jest.mock('../../src/tasks/tasks', () => {
  const actual =
    jest.requireActual<typeof import('../../src/tasks/tasks')>('../../src/tasks/tasks');
  const { imageBrightness } =
    jest.requireActual<typeof import('../support/made-up-task')>('../support/made-up-task');
  return { ...actual, TASKS: [imageBrightness, ...actual.TASKS] };
});

let folder: string;
let service: Service;
let grey: FormData;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'made-up-task-'));
  await writeEncoder(path.join(folder, 'models', 'meter'), 16, {
    task: 'image-brightness',
    scale: 2,
  });
  service = await startTestService({
    modelRepository: path.join(folder, 'models'),
    cache: path.join(folder, 'cache'),
    optimize: true,
  });
  const create = { width: 40, height: 30, channels: 3, background: '#333333' } as const;
  grey = new FormData();
  grey.append('image', new Blob([new Uint8Array(await sharp({ create }).png().toBuffer())]));
});
afterAll(async () => {
  await service.stop();
  await removeFolder(folder);
});

async function call(address: string, body?: FormData): Promise<any> {
  const response = await fetch(
    service.url + address,
    body === undefined ? {} : { method: 'POST', body },
  );
  return response.json();
}

test('its address answers with its parameters and its part of model.json', async () => {
  const brightness = expect.closeTo(0.4, 2) as unknown;

  expect(await call('/models/meter/measure', grey)).toMatchObject({ results: [{ brightness }] });
  expect(await call('/models/meter/predict?percent=true', grey)).toMatchObject({
    results: [{ brightness: expect.closeTo(40, 0) as unknown }],
  });
  expect(await call('/models/meter/measure?percent=perhaps', grey)).toMatchObject({
    detail: expect.stringContaining('?percent=') as unknown,
  });
  expect(await call('/models/meter/embed', grey)).toMatchObject({
    detail: 'Model meter does image-brightness, not embed: POST to /models/meter/measure',
  });
});

test('status and documents know it', async () => {
  const { servable } = await call('/models/meter');
  const document = await call('/openapi.json');

  expect(servable).toMatchObject({ task: 'image-brightness', output: { scale: 2 } });
  expect(document.paths).toHaveProperty(['/models/{name}/measure']);
  expect(document.components.schemas).toHaveProperty('MeasuredImage');
});

test('a scored folder has its rows, and the report shows them as text', async () => {
  const row: ScoreRow = {
    path: 'grey.png',
    root: folder,
    model: 'meter',
    version: '1',
    status: 'ok',
    brightness: 0.4,
  };
  const file = path.join(folder, 'rows.csv');
  await writeFile(file, csvFormat.header + csvFormat.write(row));
  const target = path.join(folder, 'report.html');

  await writeReport({ rows: () => csvFormat.read(file), target });

  const [, data = ''] = /id="data">(.*?)<\/script>/s.exec(await readFile(target, 'utf8')) ?? [];
  expect(JSON.parse(data).rows).toEqual([{ p: 'grey.png', r: 0, v: 'brightness: 0.4' }]);
});
