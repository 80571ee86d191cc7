import { homedir } from 'node:os';
import path from 'node:path';

/** The clone. Compiled files lie in dist-bench/, so one level up from either. */
export const ROOT = path.resolve(__dirname, '..');
export const PHOTOS = path.join(ROOT, 'test/fixtures/photos');
export const MODELS = path.join(ROOT, 'saved_models');

/** Outside the clone: generated photos and Python environments, kept between runs. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache');
  return path.join(env.TFJS_SERVING_CACHE ?? path.join(base, 'tfjs-serving'), 'bench');
}
