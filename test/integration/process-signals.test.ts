import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { addVersion, makeRepository, removeFolder, toy } from '../support/service';
import {
  killServers,
  MAIN,
  startProgram,
  startServer,
  type ServerProcess,
} from '../support/server-process';

const ROOT = path.resolve(__dirname, '../..');
/** Nothing reads its files before TensorFlow does, as an examination of its rows would. */
const LOADED_AT_ONCE = toy('assert_positive', {
  warmup: { enabled: false },
  batching: { independentRows: true },
});
const HALF = toy('half_plus_two', { warmup: { enabled: false } });

let repository: string;

beforeEach(async () => {
  repository = await makeRepository({ half: HALF });
});
afterEach(async () => {
  killServers();
  await removeFolder(repository);
});

/** Resolves when `condition` holds; each look waits for the next turn of the event loop. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

/** A version whose load hangs in TensorFlow: a file of it is a pipe into which nobody writes. */
async function addHangingVersion(name: string): Promise<{ readonly release: () => Promise<void> }> {
  await addVersion(repository, name, 1, LOADED_AT_ONCE);
  const file = path.join(repository, name, '1/variables/variables.index');
  await rm(path.dirname(file), { recursive: true, force: true });
  await mkdir(path.dirname(file));
  execFileSync('mkfifo', [file]);
  return {
    release: async () => {
      const writer = await open(file, 'w');
      await writer.close();
    },
  };
}

interface Outcome {
  readonly status: number | undefined;
  readonly error: string | undefined;
}

/** One inference on a connection of the agent. */
function infer(url: string, agent: Agent): Promise<Outcome> {
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      resolve({ status: undefined, error: error.code ?? error.message });
    };
    const sent = request(`${url}/v2/models/half/infer`, { method: 'POST', agent });
    sent.on('error', fail);
    sent.on('response', (response: IncomingMessage) => {
      response.on('error', fail);
      response.resume().on('end', () => {
        resolve({ status: response.statusCode, error: undefined });
      });
    });
    sent.end('{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[2]}]}');
  });
}

/** Clients that send without a pause on connections they keep, until the port is closed. */
async function loadUntilClosed(url: string, answered: () => void): Promise<Outcome[]> {
  const agent = new Agent({ keepAlive: true });
  const outcomes: Outcome[] = [];
  const client = async (): Promise<void> => {
    for (;;) {
      const outcome = await infer(url, agent);
      outcomes.push(outcome);
      if (outcome.error !== undefined) return;
      answered();
    }
  };
  await Promise.all(Array.from({ length: 24 }, client));
  agent.destroy();
  return outcomes;
}

test('SIGTERM loses no request of clients that keep their connections', async () => {
  const server = startServer(['--model-repository', repository, '--drain-delay-ms', '1000']);
  const { url } = await server.line('listening');
  await server.line('serving');
  let answers = 0;

  const outcomes = await loadUntilClosed(String(url), () => {
    answers += 1;
    if (answers === 200) server.child.kill('SIGTERM');
  });

  // The port is closed to all of them in the end, and nothing else ever went wrong. A connection that the kernel makes in
  // the very moment of closing is reset: on a busy machine that may happen to one or two of those that ask without a pause.
  const failed = outcomes.filter(({ error }) => error !== undefined);
  const refused = failed.filter(({ error }) => error === 'ECONNREFUSED');
  const reset = failed.filter(({ error }) => error === 'ECONNRESET');
  expect([failed.length, refused.length + reset.length]).toEqual([24, 24]);
  expect(reset.length).toBeLessThanOrEqual(2);
  expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(outcomes.length - 24);
  await expect(server.exit).resolves.toBe(0);
});

test('SIGINT, as it comes from a terminal, knows no delay', async () => {
  const server = startServer(['--model-repository', repository, '--drain-delay-ms', '600000']);
  await server.line('serving');

  server.child.kill('SIGINT');

  await expect(server.exit).resolves.toBe(0);
});

test.each(['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGABRT', 'SIGTRAP'] as const)(
  '%s ends the process, as the system has it',
  async (signal) => {
    const empty = await makeRepository({});
    const server = startProgram('sh', [
      '-c',
      'ulimit -c 0 && exec "$0" "$@"',
      ...[process.execPath, MAIN, '--model-repository', empty],
    ]);
    await server.line('serving');

    server.child.kill(signal);

    await expect(server.exit).resolves.toBeNull();
    expect(server.child.signalCode).toBe(signal);
    await removeFolder(empty);
  },
);

/** Whether a process has a handler for a signal. */
function catches(pid: number | undefined, signal: number): boolean {
  const caught = /^SigCgt:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1];
  return ((BigInt(`0x${caught ?? '0'}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

test('SIGHUP before anything is loaded does not end the server', async () => {
  const server = startServer(['--model-repository', repository]);
  await until(() => catches(server.child.pid, 1));

  server.child.kill('SIGHUP');

  await server.line('serving');
  server.child.kill('SIGTERM');
  await expect(server.exit).resolves.toBe(0);
});

test('SIGHUP while models load is made up for once they have loaded', async () => {
  const { release } = await addHangingVersion('hanging');
  const server = startServer(['--model-repository', repository]);
  const { url } = await server.line('listening');

  server.child.kill('SIGHUP');
  await addVersion(repository, 'later', 1, HALF);
  expect((await fetch(`${String(url)}/v2/health/live`)).status).toBe(200);
  await release();

  await until(async () => (await fetch(`${String(url)}/v2/models/later/ready`)).status === 200);
  server.child.kill('SIGTERM');
  await expect(server.exit).resolves.toBe(0);
});

test('SIGTERM while a model loads gives the load up and waits for nobody', async () => {
  await addHangingVersion('hanging');
  const server = startServer(['--model-repository', repository, '--drain-delay-ms', '600000']);
  const { url } = await server.line('listening');
  await until(async () => {
    const { models }: any = await (await fetch(`${String(url)}/models`)).json();
    return models.some(
      ({ name, versions }: any) => name === 'hanging' && versions[0]?.state === 'LOADING',
    );
  });

  server.child.kill('SIGTERM');

  await server.exit;
  expect(server.output()).toMatch(/"finished":true,"msg":"stopped"/);
  expect(server.output()).not.toMatch(/model not loaded/);
});

test('once it has said that it is stopped it is gone, though TensorFlow hangs', async () => {
  await addHangingVersion('hanging');
  const server = startServer(['--model-repository', repository, '--load-timeout-ms', '2000']);
  await server.line('model not loaded');

  server.child.kill('SIGTERM');
  await server.line('stopped');
  const stopped = performance.now();
  await server.exit;

  // A second is the promise; the machine may be busy.
  expect(performance.now() - stopped).toBeLessThan(5000);
});

describe('started by npm', () => {
  let folder: string;
  let server: ServerProcess;

  /** The script that is shipped, which has nothing to set up. */
  beforeEach(async () => {
    const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
    folder = await mkdtemp(path.join(tmpdir(), 'npm-start-'));
    const start = scripts.start.replace('bin/', `${ROOT}/bin/`);
    expect(start).toContain(ROOT);
    await writeFile(path.join(folder, 'package.json'), JSON.stringify({ scripts: { start } }));
    server = startProgram('npm', ['start', '--', '--model-repository', repository], {
      cwd: folder,
      env: { TFJS_SERVING_SKIP_SETUP: '1' },
    });
    await server.line('serving');
  });
  afterEach(() => removeFolder(folder));

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s to npm ends the server in good order',
    async (signal) => {
      server.child.kill(signal);

      await server.exit;
      expect(server.output()).toMatch(/"finished":true,"msg":"stopped"/);
    },
  );

  test('npm killed ends the server in good order', async () => {
    server.child.kill('SIGKILL');

    await server.exit;
    expect(server.output()).toMatch(/"kind":"orphaned","msg":"shutting down"/);
    expect(server.output()).toMatch(/"finished":true,"msg":"stopped"/);
  });

  test('a signal to npm and to the server, as a terminal sends it, is one signal', async () => {
    const [pid] = execFileSync('pgrep', ['-P', String(server.child.pid)], { encoding: 'utf8' })
      .trim()
      .split('\n');
    server.child.kill('SIGINT');
    process.kill(Number(pid), 'SIGINT');

    await server.exit;
    expect(server.output()).toMatch(/"finished":true,"msg":"stopped"/);
  });
});
