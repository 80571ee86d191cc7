import { spawn, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { ROOT } from './paths';
import { cpuOfProcess } from './process-tree';

export interface LoadOrder {
  readonly url: string;
  /** As writeRequestPlan wrote it. */
  readonly planFile: string;
  readonly connections: number;
  readonly seconds: number;
  readonly patienceMs: number;
  /** Where figures are written. */
  readonly folder: string;
}

const reportSchema = z.object({
  seconds: z.number().positive(),
  bytes: z.number(),
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
  failed: z.number(),
  statuses: z.record(z.string(), z.number()),
});

export type LoadReport = z.infer<typeof reportSchema> & {
  /** CPU time of the generator itself. */
  readonly cpuMs: number;
};

export interface LoadGenerator {
  readonly name: string;
  run(order: LoadOrder): Promise<LoadReport>;
}

/** @throws Error when neither is there */
export function findLoadGenerator(prefix: readonly string[]): LoadGenerator {
  const wrk = spawnSync('wrk', ['--version'], { encoding: 'utf8' });
  if (wrk.error === undefined) {
    const version = /wrk (?:debian\/)?(\S+)/.exec(wrk.stdout)?.[1] ?? 'of unknown version';
    return { name: `wrk ${version}`, run: (order) => runWrk(order, prefix) };
  }
  throw new Error('there is no load generator: apt-get install -y wrk');
}

/** Reads what wrk.lua wrote. */
export function parseReport(text: string): z.infer<typeof reportSchema> {
  return reportSchema.parse(JSON.parse(text));
}

async function runWrk(order: LoadOrder, prefix: readonly string[]): Promise<LoadReport> {
  const result = path.join(order.folder, 'wrk-result.json');
  const [program, ...args] = [
    ...prefix,
    'wrk',
    '--threads=1',
    `--connections=${String(order.connections)}`,
    `--duration=${String(order.seconds)}s`,
    '--timeout=60s',
    `--script=${path.join(ROOT, 'bench/wrk.lua')}`,
    order.url,
  ];
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      BENCH_PLAN: order.planFile,
      BENCH_RESULT: result,
      BENCH_PATIENCE_MS: String(order.patienceMs),
    },
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  let cpuMs = 0;
  const { pid } = child;
  // /proc is gone with the process: looked at while it runs, it lacks the last moment at most.
  const timer = setInterval(() => {
    if (pid !== undefined) cpuMs = cpuOfProcess(pid) ?? cpuMs;
  }, 250);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    if (code !== 0) throw new Error(`wrk ended with ${String(code)}: ${complaint}`);
  } finally {
    clearInterval(timer);
  }
  return { ...parseReport(await readFile(result, 'utf8')), cpuMs };
}
