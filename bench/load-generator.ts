import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { ROOT } from './paths';
import { cpuOfProcess } from './process-tree';

interface LoadOrder {
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

type LoadReport = z.infer<typeof reportSchema> & {
  /** CPU time of the generator itself. */
  readonly cpuMs: number;
};

export interface LoadGenerator {
  readonly name: string;
  run(order: LoadOrder): Promise<LoadReport>;
}

/** wrk where it is installed, else autocannon, which needs more CPU time for a request. */
export function findLoadGenerator(prefix: readonly string[], wanted?: string): LoadGenerator {
  const wrk = spawnSync('wrk', ['--version'], { encoding: 'utf8' });
  if (wrk.error === undefined && wanted !== 'autocannon') {
    const version = /wrk (?:debian\/)?(\S+)/.exec(wrk.stdout)?.[1] ?? 'of unknown version';
    return {
      name: `wrk ${version}`,
      run: (order) => generate(order, [...prefix, ...wrkCommand(order)]),
    };
  }
  if (wanted === 'wrk') throw new Error('there is no wrk: apt-get install -y wrk');
  const file = path.join(ROOT, 'node_modules/autocannon/package.json');
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(file, 'utf8')));
  return {
    name: `autocannon ${version}`,
    run: (order) => generate(order, [...prefix, ...autocannonCommand(order)]),
  };
}

/** Reads what wrk.lua or autocannon-run wrote. */
export function parseReport(text: string): z.infer<typeof reportSchema> {
  return reportSchema.parse(JSON.parse(text));
}

function wrkCommand({ connections, seconds, url }: LoadOrder): readonly string[] {
  return [
    'wrk',
    '--threads=1',
    `--connections=${String(connections)}`,
    `--duration=${String(seconds)}s`,
    '--timeout=60s',
    `--script=${path.join(ROOT, 'bench/wrk.lua')}`,
    url,
  ];
}

function autocannonCommand({ connections, seconds, url }: LoadOrder): readonly string[] {
  const script = path.join(ROOT, 'dist-bench/autocannon-run.js');
  return [process.execPath, script, url, String(connections), String(seconds)];
}

async function generate(order: LoadOrder, command: readonly string[]): Promise<LoadReport> {
  const result = path.join(order.folder, 'load-result.json');
  const [program = '', ...args] = command;
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
    if (code !== 0) throw new Error(`${program} ended with ${String(code)}: ${complaint}`);
  } finally {
    clearInterval(timer);
  }
  return { ...parseReport(await readFile(result, 'utf8')), cpuMs };
}
