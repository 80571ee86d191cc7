import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { POISON, writeBadModel } from '../support/bad-models';
import { instanceProcesses, sharedMemoryFiles, until } from '../support/instance-processes';
import { killServers, startServer, type ServerProcess } from '../support/server-process';
import { addVersion, removeFolder, toy } from '../support/service';

/** The server as it is started, and the processes of its instances. */

let repository: string;

beforeAll(async () => {
  repository = await mkdtemp(path.join(tmpdir(), 'instance-processes-'));
  await addVersion(repository, 'half_plus_two', 1, toy('half_plus_two'));
  await writeBadModel(repository, 'crashes');
  await writeBadModel(repository, 'hangs');
});
afterEach(() => {
  killServers();
});
afterAll(async () => {
  await removeFolder(repository);
});

interface Running {
  readonly server: ServerProcess;
  readonly id: number;
  readonly url: string;
}

async function serving(env: Readonly<Record<string, string>> = {}): Promise<Running> {
  const server = startServer(['--model-repository', repository], env);
  const { url } = await server.line('listening');
  await server.line('serving');
  return { server, id: server.child.pid ?? 0, url: String(url) };
}

async function predict(url: string, model: string, value: number): Promise<unknown> {
  const response = await fetch(`${url}/v1/models/${model}:predict`, {
    method: 'POST',
    body: JSON.stringify({ instances: [[value]] }),
  });
  return await response.json();
}

function statusOf(id: number): string {
  return readFileSync(`/proc/${id}/status`, 'utf8');
}

test('the process that speaks HTTP never loads TensorFlow, and stays small', async () => {
  const { id, url } = await serving();
  await expect(predict(url, 'crashes', 2)).resolves.toEqual({ predictions: [[2]] });

  const loads = (process: number, library: RegExp): boolean =>
    library.test(readFileSync(`/proc/${process}/maps`, 'utf8'));
  const tensorflow = /libtensorflow|tfjs_binding/;
  expect(loads(id, /sharp/)).toBe(true);
  expect(loads(id, tensorflow)).toBe(false);
  expect(instanceProcesses(id).map((instance) => loads(instance.id, tensorflow))).toEqual([
    true,
    true,
    true,
  ]);
  const residentKb = Number(/VmRSS:\s*(\d+)/.exec(statusOf(id))?.[1]);
  expect(residentKb).toBeLessThan(200 * 1024);
});

test('the kernel takes instances first when memory runs out, and the server goes first on the CPU', async () => {
  const { id } = await serving();
  const scoreOf = (process: number): number =>
    Number(readFileSync(`/proc/${process}/oom_score_adj`, 'utf8'));
  const nicenessOf = (process: number): number =>
    Number(readFileSync(`/proc/${process}/stat`, 'latin1').split(') ')[1]?.split(' ')[16]);

  for (const instance of instanceProcesses(id)) {
    expect(scoreOf(instance.id)).toBe(500);
    expect(nicenessOf(instance.id)).toBeGreaterThan(nicenessOf(id));
  }
  expect(scoreOf(id)).toBe(scoreOf(process.pid));
});

test.each(['SIGKILL', 'SIGTERM', 'SIGABRT'] as const)(
  'no instance outlives a server that ends by %s, and nothing is left in /dev/shm',
  async (signal) => {
    const before = sharedMemoryFiles();
    const { server, id, url } = await serving({ TFJS_SERVING_DRAIN_TIMEOUT_MS: '300' });
    expect(instanceProcesses(id)).toHaveLength(3);
    // One of them is in the middle of a run that never ends.
    void predict(url, 'hangs', POISON).catch(() => undefined);
    await predict(url, 'half_plus_two', 1);

    process.kill(id, signal);
    await server.exit;

    await until(() => !instanceProcesses().some(({ command }) => command.includes(repository)));
    expect(sharedMemoryFiles()).toEqual(before);
  },
);

test('nothing is left when the server and its instances are killed together', async () => {
  const before = sharedMemoryFiles();
  const { server, id } = await serving();
  const all = [id, ...instanceProcesses(id).map((instance) => instance.id)];
  for (const one of all) process.kill(one, 'SIGKILL');
  await server.exit;

  await until(() => !instanceProcesses().some(({ command }) => command.includes(repository)));
  expect(sharedMemoryFiles()).toEqual(before);
});

test('a loss is told by signal, cause and reason in the log and the metrics, and clients by a code', async () => {
  const { server, url } = await serving();
  const answer = await predict(url, 'crashes', POISON);

  expect(answer).toEqual({ error: expect.stringContaining('crashed on this request, twice') });
  expect(await server.line('instance lost; starting another')).toMatchObject({
    level: 'error',
    model: 'crashes',
    cause: 'crash',
    signal: 'SIGABRT',
    reason: expect.stringMatching(/^it ended with SIGABRT: Check failed/),
  });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain(
    'tfjs_serving_instance_restarts_total{model="crashes",version="1",cause="crash",signal="SIGABRT",exit_code=""} 2',
  );
  expect(metrics).toMatch(
    /tfjs_serving_inference_requests_total\{model="crashes",version="1",code="MODEL_CRASHED"\} 1/,
  );
});

test('readiness tells the truth while the only instance of a model is away', async () => {
  const { id, url } = await serving();
  const [instance] = instanceProcesses(id).filter(({ command }) =>
    command.includes('half_plus_two'),
  );
  const ready = async (): Promise<number> => (await fetch(`${url}/v2/health/ready`)).status;
  expect(await ready()).toBe(200);

  process.kill(instance?.id ?? 0, 'SIGKILL');
  await until(() => !instanceProcesses(id).some((one) => one.id === instance?.id));
  const seen = new Set<number>();
  while (!seen.has(200) || !seen.has(503)) seen.add(await ready());

  await expect(predict(url, 'hangs', 2)).resolves.toEqual({ predictions: [[2]] });
});

test('a stop with a run that hangs leaves no process behind when it says that it has stopped', async () => {
  const { server, id, url } = await serving({ TFJS_SERVING_DRAIN_TIMEOUT_MS: '300' });
  void predict(url, 'hangs', POISON).catch(() => undefined);
  await predict(url, 'half_plus_two', 1);

  process.kill(id, 'SIGTERM');

  expect(await server.line('stopped')).toMatchObject({ finished: false });
  expect(await server.exit).toBe(0);
  await until(() => !instanceProcesses().some(({ command }) => command.includes(repository)));
});
