import { readdirSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Service } from '../../src/compose';
import { pythonVenv, skipReason, type PythonVenv } from '../support/python-venv';
import { runProgram } from '../support/run-program';
import { makeRepository, removeFolder, startTestService, toy } from '../support/service';

// The program is linked on its own: what the package asks for is for its Python part.
const venv: PythonVenv =
  process.arch === 'x64'
    ? pythonVenv(path.join(__dirname, 'perf-analyzer.txt'), { dependencies: false })
    : { missing: 'there is no perf_analyzer for this processor' };
let service: Service | undefined;
let repository: string | undefined;
let libraries: string;

beforeAll(async () => {
  if (venv.folder === undefined) return;
  libraries = await mkdtemp(path.join(tmpdir(), 'perf-analyzer-'));
  const linked = await runProgram('gcc', [
    ...['-shared', '-fPIC', '-o', path.join(libraries, 'libb64.so.0d')],
    path.join(__dirname, 'libb64.c'),
  ]);
  expect(linked).toEqual({ code: 0, output: '' });
  await chmod(program(), 0o755);
  repository = await makeRepository({
    positive: toy('assert_positive'),
    every_type: toy('every_type'),
  });
  service = await startTestService({ modelRepository: repository });
});
afterAll(async () => {
  await service?.stop();
  for (const folder of [repository, libraries]) if (folder) await removeFolder(folder);
});

function program(): string {
  return path.join(venv.folder ?? '', 'bin/perf_analyzer');
}

/** Where the package of the CUDA runtime has put it; the program is linked with that too. */
function cudaRuntime(): string {
  const lib = path.join(venv.folder ?? '', 'lib');
  const [python = ''] = readdirSync(lib);
  return path.join(lib, python, 'site-packages/nvidia/cuda_runtime/lib');
}

function perfAnalyzer(...args: string[]): ReturnType<typeof runProgram> {
  return runProgram(
    program(),
    [
      ...['-i', 'http', '-u', new URL(service?.url ?? '').host],
      ...['--measurement-interval', '500', '--stability-percentage', '75', '--max-trials', '40'],
      ...args,
    ],
    { env: { LD_LIBRARY_PATH: `${libraries}:${cudaRuntime()}` } },
  );
}

(venv.folder === undefined ? test.skip : test)(
  `perf_analyzer sweeps from 1 to 8 requests at once, with stable figures${skipReason(venv)}`,
  async () => {
    const { code, output } = await perfAnalyzer(
      ...['-m', 'positive', '--input-data', 'zero', '--concurrency-range', '1:8'],
    );

    // First, so that a failure shows what it said.
    expect(output).not.toMatch(/Failed|error/i);
    const levels = [...output.matchAll(/^Concurrency: (\d+), throughput: ([\d.]+) infer\/sec/gm)];
    expect(levels.map(([, level]) => Number(level))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [, , throughput] of levels) expect(Number(throughput)).toBeGreaterThan(0);
    // What it reads from the server's own statistics.
    expect(output.match(/^ +Inference count: [1-9]\d*$/gm)).toHaveLength(8);
    expect(code).toBe(0);
  },
  // It measures until its figures are stable; on a busy machine that takes more windows.
  300_000,
);

(venv.folder === undefined ? test.skip : test)(
  `perf_analyzer sends four rows at once of every type${skipReason(venv)}`,
  async () => {
    const { code, output } = await perfAnalyzer('-m', 'every_type', '-b', '4');

    expect(output).not.toMatch(/Failed|error/i);
    const [, throughput] = /throughput: ([\d.]+) infer\/sec/.exec(output) ?? [];
    expect(Number(throughput)).toBeGreaterThan(0);
    expect(code).toBe(0);
  },
);
