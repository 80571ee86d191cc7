import { createHash } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

import { defaultCacheDirectory } from '../process/cache-directory';

/** What set-up put in place; see scripts/setup.mjs. */
export interface RuntimeInstall {
  readonly tensorflowVersion: string;
  readonly variant: 'cpu' | 'gpu';
  readonly platform: string;
  readonly cachePath: string;
}

/** Folder of package.json, above both src/ and dist/. */
const ROOT = path.resolve(__dirname, '../..');

/**
 * Where set-up writes what it installed: scripts/setup/install-record.mjs. The second is for a package
 * whose folder belongs to another user.
 */
function recordPlaces(): string[] {
  const name = createHash('sha256').update(realpathSync(ROOT)).digest('hex').slice(0, 16);
  return [
    path.join(ROOT, 'node_modules/.tfjs-serving-runtime.json'),
    path.join(defaultCacheDirectory(process.env), 'installs', `${name}.json`),
  ];
}

/** Undefined when set-up has not run. */
export function readRuntimeInstall(places = recordPlaces()): RuntimeInstall | undefined {
  for (const place of places) {
    try {
      return JSON.parse(readFileSync(place, 'utf8')) as RuntimeInstall;
    } catch {
      // The other place, then.
    }
  }
  return undefined;
}

/** @throws Error that tells what to do when set-up has not run */
export function requireRuntime(): RuntimeInstall {
  const install = readRuntimeInstall();
  if (install !== undefined) return install;
  throw new Error('The TensorFlow libraries are not installed; run: npx tfjs-serving setup');
}
