import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const ROOT = path.resolve(__dirname, '../..');

/** Runs a program of the suite, as built. */
function bench(program: string, args: readonly string[], env: Record<string, string> = {}) {
  return execute(process.execPath, [path.join(ROOT, 'dist-bench', program), ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
  });
}

beforeAll(async () => {
  const compiler = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  const project = path.join(ROOT, 'tsconfig.bench.json');
  // The types are checked with those of everything else.
  await execute(process.execPath, [compiler, '-p', project, '--noCheck']);
});

test('a run measures a real server and keeps every sample with the machine', async () => {
  const out = await mkdtemp(path.join(tmpdir(), 'bench-test-'));
  try {
    const only = ['--only', 'c4', '--contenders', 'server', '--generator', 'autocannon'];
    const short = ['--rounds', '1', '--seconds', '1', '--attempts', '1', '--out', out];

    const { stdout } = await bench('main.js', [...only, ...short]);

    expect(stdout).toContain('| c4 ');
    const json = (await readdir(out)).find((name) => name.endsWith('.json')) ?? '';
    const record = JSON.parse(await readFile(path.join(out, json), 'utf8'));
    expect(record.omissions).toEqual([]);
    expect(record.machine.generator).toMatch(/^autocannon \d/);
    const [{ measurement }] = record.samples;
    expect(Object.keys(measurement.statuses)).toEqual(['200']);
    expect(measurement.cpuMs).toBeGreaterThan(0);
    expect(measurement.meanBatch).toBeGreaterThanOrEqual(1);
    expect(measurement.liveP99Ms).toBeGreaterThan(0);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
});

test('an unknown case is told with the cases there are', async () => {
  await expect(bench('main.js', ['--only', 'c17'])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('there is no case "c17"; there are: c1,'),
  });
});

test('without a GPU the GPU suite says so and exits with 3', async () => {
  const run = bench('gpu/main.js', [], { CUDA_VISIBLE_DEVICES: '-1' });

  await expect(run).rejects.toMatchObject({
    code: 3,
    stdout: '',
    stderr: expect.stringContaining('There is no GPU to measure: '),
  });
});
