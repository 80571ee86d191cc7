import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import path from 'node:path';

import { instanceProcesses } from '../support/instance-processes';
import {
  addVersion,
  makeRepository,
  photo,
  removeFolder,
  SHIPPED,
  startTestService,
  toy,
} from '../support/service';
import { killServers, startServer } from '../support/server-process';

const COFFEE = readFileSync(photo('coffee.jpg'));

afterEach(killServers);

/** The threads of a process as Linux shows them. */
function threadsOf(pid: number): { id: number; name: string; niceness: number }[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8');
    // The name may hold blanks; niceness is the 19th field, the name the second.
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const niceness = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
    return { id: Number(id), name, niceness };
  });
}

test('SIGTERM: in-flight work is answered, new connections are refused, exit code 0', async () => {
  const server = startServer(['--model-repository', SHIPPED]);
  const { url } = await server.line('listening');
  await server.line('serving');
  const request = fetch(`${String(url)}/models/span-x2/generate`, {
    method: 'POST',
    body: COFFEE,
    headers: { 'Content-Type': 'image/jpeg' },
  });
  // Admitted for certain once the metrics count it.
  for (;;) {
    const metrics = await (await fetch(`${String(url)}/metrics`)).text();
    const rows = /admitted_requests\{model="span-x2",version="1"\} (\d+)/.exec(metrics)?.[1];
    const runs =
      /stage_duration_seconds_count\{model="span-x2",version="1",stage="preprocess"\} (\d+)/.exec(
        metrics,
      )?.[1];
    if (Number(rows) > 0 || Number(runs) > 0) break;
  }

  server.child.kill('SIGTERM');
  const response = await request;

  expect(response.status).toBe(200);
  expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(100_000);
  await expect(server.exit).resolves.toBe(0);
  expect(server.output()).toMatch(/"finished":true,"msg":"stopped"/);
  await expect(fetch(`${String(url)}/v2/health/live`)).rejects.toThrow();
});

test('before it stops it says that it is not ready, and still serves', async () => {
  const server = startServer([
    '--model-repository',
    SHIPPED,
    '--models',
    'efficientnet-lite0',
    '--drain-delay-ms',
    '600000',
  ]);
  const { url } = await server.line('listening');
  await server.line('serving');

  server.child.kill('SIGTERM');
  await server.line('shutting down');
  const ready = await fetch(`${String(url)}/v2/health/ready`);
  const answer = await fetch(`${String(url)}/models/efficientnet-lite0/classify`, {
    method: 'POST',
    body: COFFEE,
    headers: { 'Content-Type': 'image/jpeg' },
  });
  server.child.kill('SIGKILL');

  expect({ status: ready.status, body: await ready.json() }).toEqual({
    status: 503,
    body: { ready: false },
  });
  expect(ready.headers.get('connection')).toBe('close');
  expect(answer.status).toBe(200);
  await server.exit;
});

test('SIGHUP looks for new models and goes on serving', async () => {
  const repository = await makeRepository({ first: toy('half_plus_two') });
  const server = startServer(['--model-repository', repository]);
  const { url } = await server.line('serving').then(() => server.line('listening'));
  await addVersion(repository, 'second', 1, toy('half_plus_three'));

  server.child.kill('SIGHUP');
  let names: string[] = [];
  while (names.length < 2) {
    const { models }: any = await (await fetch(`${String(url)}/models`)).json();
    names = models
      .filter(({ ready }: { ready: boolean }) => ready)
      .map(({ name }: { name: string }) => name);
  }
  server.child.kill('SIGTERM');

  expect(names).toEqual(['first', 'second']);
  await expect(server.exit).resolves.toBe(0);
  await removeFolder(repository);
});

test('names every problem of its configuration at once and exits 1', async () => {
  const server = startServer(['--max-batch-size', 'many', '--colour', 'red'], { PORT: '99999' });

  await expect(server.exit).resolves.toBe(1);

  expect(server.output()).toMatch(/--max-batch-size: .*"many"/);
  expect(server.output()).toMatch(/PORT: .*99999/);
  expect(server.output()).toMatch(/unknown argument "--colour"/);
  expect(server.output()).not.toMatch(/at .*\.js/);
});

test('says when the port is taken or the repository is not there', async () => {
  const repository = await makeRepository({});
  const other = await startTestService({ modelRepository: repository });

  const taken = startServer(['--model-repository', repository], { PORT: new URL(other.url).port });
  const missing = startServer(['--model-repository', path.join(repository, 'none')]);

  await expect(taken.exit).resolves.toBe(1);
  await expect(missing.exit).resolves.toBe(1);
  expect(taken.output()).toMatch(/EADDRINUSE/);
  expect(missing.output()).toMatch(/model repository ".*none" cannot be read: ENOENT/);
  await other.stop();
  await removeFolder(repository);
});

test('the queue full is answered 429 with Retry-After, the rest 200', async () => {
  const repository = await makeRepository({
    small: {
      from: path.join(SHIPPED, 'efficientnet-lite0/1'),
      config: { task: 'image-classification', batching: { maxQueueSize: 2 } },
    },
  });
  const service = await startTestService({ modelRepository: repository });

  const responses = await Promise.all(
    Array.from({ length: 40 }, () =>
      fetch(`${service.url}/models/small/classify`, {
        method: 'POST',
        body: COFFEE,
        headers: { 'Content-Type': 'image/jpeg' },
      }),
    ),
  );

  const refused = responses.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(responses.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
  expect(responses.every(({ status }) => [200, 429].includes(status))).toBe(true);
  for (const response of refused) {
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await response.json()).toMatchObject({ code: 'OVERLOADED', retriable: true });
  }
  await service.stop();
  await removeFolder(repository);
});

test('HTTP comes before decoding, and decoding before TensorFlow', async () => {
  const own = getPriority();
  const server = startServer(['--model-repository', SHIPPED, '--models', 'efficientnet-lite0'], {
    TFJS_SERVING_IMAGING_CONCURRENCY: '30',
  });
  const { url } = await server.line('listening');
  await server.line('serving');
  const answer = await fetch(`${String(url)}/models/efficientnet-lite0/classify`, {
    method: 'POST',
    body: COFFEE,
    headers: { 'Content-Type': 'image/jpeg' },
  });

  const threads = threadsOf(server.child.pid ?? 0);
  const instances = instanceProcesses(server.child.pid).map(({ id }) => threadsOf(id));
  server.child.kill('SIGTERM');
  await server.exit;

  expect(answer.status).toBe(200);
  const main = threads.filter(({ id }) => id === server.child.pid);
  const tensorflow = instances.flat().filter(({ name }) => name.startsWith('tf_Compute'));
  expect(main).toMatchObject([{ niceness: own }]);
  expect(tensorflow.length).toBeGreaterThan(0);
  for (const { niceness } of tensorflow) expect(niceness).toBe(own + 10);
  const decoding = threads.filter(
    ({ name, niceness }) => niceness === own + 5 && name !== 'libvips worker',
  );
  // V8's few are among them.
  expect(decoding.length).toBeGreaterThanOrEqual(30);
});

test.each([
  ['a rewrite that failed is a warning', 'half_plus_two', '1', 'warn'],
  ['a model that cannot be rewritten is none', 'lookup_table', '60000', 'info'],
])('%s', async (_, name, timeoutMs, level) => {
  const repository = await makeRepository({ model: toy(name) });
  const server = startServer(
    ['--model-repository', repository, '--optimize-timeout-ms', timeoutMs],
    {
      TFJS_SERVING_OPTIMIZE: 'true',
      TFJS_SERVING_CACHE: path.join(repository, '.cache'),
    },
  );

  const line = await server.line('optimization');

  expect(line).toMatchObject({ level, model: 'model', state: 'original' });
  server.child.kill('SIGTERM');
  await server.exit;
  await removeFolder(repository);
});
