import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';

import type { Service } from '../../src/compose';
import { writePictureModel } from '../support/picture-model';
import { makeRepository, removeFolder, startTestService, toy } from '../support/service';

/** Inputs that fit the signature, and that TensorFlow refuses when the model runs. */

let folder: string;
let repository: string;
let service: Service;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'refused-inputs-'));
  // Its signature takes any size, the model 5 × 5: a warm-up would fail.
  await writePictureModel(folder, { network: { kind: 'frame', side: 5 } });
  repository = await makeRepository({
    framed: { from: folder, config: { task: 'image-to-image', warmup: { enabled: false } } },
    'framed-warm': { from: folder, config: { task: 'image-to-image' } },
    positive: toy('assert_positive', { batching: { maxBatchSize: 8, maxQueueDelayMs: 200 } }),
  });
  service = await startTestService({ modelRepository: repository });
});
afterAll(async () => {
  await service.stop();
  await removeFolder(repository);
  await removeFolder(folder);
});

interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly body: any;
}

async function post(address: string, sent: Buffer | object): Promise<Answer> {
  const response = await fetch(service.url + address, {
    method: 'POST',
    body: Buffer.isBuffer(sent) ? sent : JSON.stringify(sent),
    headers: { 'Content-Type': Buffer.isBuffer(sent) ? 'image/png' : 'application/json' },
  });
  const code = response.headers.get('x-error-code');
  const json = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, code, body: json ? await response.json() : undefined };
}

function picture(side: number): Promise<Buffer> {
  return sharp({ create: { width: side, height: side, channels: 3, background: '#346' } })
    .png()
    .toBuffer();
}

/** A tensor of the Open Inference Protocol. */
function pixels(side: number): object {
  const shape = [1, side, side, 3];
  const data = new Array<number>(3 * side ** 2).fill(0);
  return { inputs: [{ name: 'x', datatype: 'FP32', shape, data }] };
}

const INCOMPATIBLE =
  /^.*Incompatible shapes: \[1,4,4,3\] vs\. \[1,5,5,1\] \(the model refused the input\)$/;

test('a tensor of the Open Inference Protocol is at fault itself', async () => {
  const refused = await post('/v2/models/framed/infer', pixels(4));
  const fitting = await post('/v2/models/framed/infer', pixels(5));

  expect(refused).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
  expect(refused.body.error).toMatch(INCOMPATIBLE);
  expect(fitting.status).toBe(200);
});

test('a tensor of TensorFlow Serving is at fault itself', async () => {
  const row = new Array(4).fill(new Array(4).fill([0, 0, 0]));

  const refused = await post('/v1/models/framed:predict', { instances: [row] });

  expect(refused).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
  expect(refused.body.error).toMatch(INCOMPATIBLE);
});

test('for a picture the server made the tensor: the model has failed', async () => {
  const refused = await post('/models/framed/generate', await picture(4));
  const fitting = await post('/models/framed/generate', await picture(5));

  expect(refused).toMatchObject({ status: 500, code: 'INFERENCE_FAILED' });
  expect(refused.body.detail).toMatch(/^The model failed on this input: .*Incompatible shapes/);
  expect(fitting.status).toBe(200);
});

test('a warm-up that the model refuses is a load that failed, and says why', () => {
  const reason = service.manager.get('framed-warm').servables[0]?.reason;

  expect(reason).toMatch(/^the warm-up failed: .*Incompatible shapes/);
});

test('neighbours of a refused row in the same batch are answered', async () => {
  const rows = Array.from({ length: 8 }, (_, i) => [i, i, i, i === 3 ? -1 : i]);

  const answers = await Promise.all(
    rows.map((row) => post('/v1/models/positive:predict', { instances: [row] })),
  );

  expect(answers.map(({ status }) => status)).toEqual(rows.map((_, i) => (i === 3 ? 400 : 200)));
  expect(answers.map(({ body }) => body.predictions?.[0][3])).toEqual(
    rows.map((_, i) => (i === 3 ? undefined : 2 * i)),
  );
});
