import { lstatSync, mkdirSync, mkdtempSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

/** The folder that set-up uses too: see scripts/setup/options.mjs. */
export function defaultCacheDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const { TFJS_SERVING_CACHE: chosen = '' } = env;
  if (chosen !== '') return path.resolve(chosen);
  const xdg = env.XDG_CACHE_HOME;
  const base = xdg !== undefined && path.isAbsolute(xdg) ? xdg : homeCache();
  return path.join(base, 'tfjs-serving');
}

/**
 * For when the cache cannot be written: a folder of this user alone, so that nobody else can put
 * models into it.
 */
export function privateTemporaryDirectory(): string {
  const user = process.getuid?.() ?? 0;
  const directory = path.join(tmpdir(), `tfjs-serving-${user}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(directory);
  const ours = uid === user && (mode & 0o077) === 0;
  return ours ? directory : mkdtempSync(`${directory}-`);
}

function homeCache(): string {
  try {
    return path.join(homedir(), '.cache');
  } catch {
    // A container's user may have no home.
    return tmpdir();
  }
}
