import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { CASES, casePaths, QUICK_CASES } from '../../../bench/cases';
import { closedLoop } from '../../../bench/closed-loop';
import { requestBody, writeRequestPlan } from '../../../bench/request-bodies';

const PHOTO = Buffer.from([0xff, 0xd8, 0x0d, 0x0a, 0x00, 0xff, 0xd9]);

test('each encoding carries the very bytes of the photo', () => {
  const { contentType, bytes } = requestBody(PHOTO, 'multipart');
  const boundary = `--${contentType.split('boundary=')[1] ?? ''}`;
  const head = bytes.indexOf('\r\n\r\n') + 4;
  const tail = bytes.indexOf(`\r\n${boundary}--\r\n`, head);

  expect(bytes.subarray(0, head).toString()).toMatch(new RegExp(`^${boundary}\r\n.*name="image"`));
  expect(bytes.subarray(head, tail)).toEqual(PHOTO);
  expect(requestBody(PHOTO, 'raw').bytes).toEqual(PHOTO);
  const { image } = JSON.parse(requestBody(PHOTO, 'base64').bytes.toString());
  expect(Buffer.from(image.b64, 'base64')).toEqual(PHOTO);
});

test('the plan names every photo for every path, with the mean size of the bodies', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-test-'));
  try {
    const photos = [path.join(folder, 'a.jpg'), path.join(folder, 'b.jpg')];
    await writeFile(photos[0] ?? '', Buffer.alloc(10));
    await writeFile(photos[1] ?? '', Buffer.alloc(30));

    const plan = await writeRequestPlan(folder, { photos, paths: ['/x', '/y'], encoding: 'raw' });

    const lines = (await readFile(plan.file, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => line.split('\t')[0])).toEqual(['/x', '/y', '/x', '/y']);
    expect(lines[0]?.split('\t')[1]).toBe('image/jpeg');
    expect(plan.meanBodyBytes).toBe(20);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the quick cases exist, and eight models have eight addresses', () => {
  const names = CASES.map(({ name }) => name);

  expect(names).toEqual(expect.arrayContaining([...QUICK_CASES]));
  expect(new Set(names).size).toBe(names.length);
  const eight = CASES.find(({ models }) => models === 8);
  expect(new Set(eight === undefined ? [] : casePaths(eight)).size).toBe(8);
});

test('a closed loop keeps as many calls in flight as asked, and no more', async () => {
  let inFlight = 0;
  let most = 0;

  const { count, latenciesMs } = await closedLoop({ concurrency: 3, seconds: 0.05 }, async () => {
    most = Math.max(most, ++inFlight);
    await new Promise((resolve) => setImmediate(resolve));
    inFlight -= 1;
  });

  expect(most).toBe(3);
  expect(count).toBe(latenciesMs.length);
  expect(count).toBeGreaterThan(0);
});
