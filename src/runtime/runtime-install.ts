import { readFileSync } from 'node:fs';
import path from 'node:path';

/** What set-up put in place; see scripts/setup.mjs. */
export interface RuntimeInstall {
  readonly tensorflowVersion: string;
  readonly variant: 'cpu' | 'gpu';
  readonly platform: string;
  readonly cachePath: string;
}

/** Undefined when set-up has not run. */
export function readRuntimeInstall(
  file = path.resolve(__dirname, '../../node_modules/.tfjs-serving-runtime.json'),
): RuntimeInstall | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RuntimeInstall;
  } catch {
    return undefined;
  }
}
