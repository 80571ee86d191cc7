import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import path from 'node:path';

import { ROOT } from './paths';

/** What the figures hold for. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Cores that contenders ran on. */
  readonly measuredCores: number;
  /** Whether the load generator had a core of its own. */
  readonly generatorApart: boolean;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly generator: string;
  readonly node: string;
  readonly tensorflow: string;
  /** Commit of the clone; `+` for changes on top. */
  readonly commit: string;
}

export function describeMachine(facts: {
  readonly generator: string;
  readonly measuredCores: number;
  readonly apart: boolean;
}): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    measuredCores: facts.measuredCores,
    generatorApart: facts.apart,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    generator: facts.generator,
    node: process.versions.node,
    tensorflow: tensorflowVersion(),
    commit: commit(),
  };
}

function tensorflowVersion(): string {
  try {
    const text = readFileSync(path.join(ROOT, 'node_modules/.tfjs-serving-runtime.json'), 'utf8');
    const install = JSON.parse(text) as { tensorflowVersion?: string; variant?: string };
    return `${install.tensorflowVersion ?? 'unknown'} (${install.variant ?? 'unknown'})`;
  } catch {
    return 'unknown';
  }
}

function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, {
        cwd: ROOT,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}
