import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { defaultCacheDirectory } from '../../process/cache-directory';

/**
 * Set-up keeps TensorFlow.js in the cache where it is not among the packages: scripts/setup/tensorflow-js.mjs.
 * The process that imports is told of the place by NODE_PATH, which Node reads when it starts.
 * @param env of this process, which that one inherits
 */
export function useCachedTensorflowJs(env: NodeJS.ProcessEnv): void {
  const pins = path.resolve(__dirname, '../../../scripts/setup/tensorflow.json');
  const { binding } = JSON.parse(readFileSync(pins, 'utf8')) as { binding: string };
  const folder = path.join(defaultCacheDirectory(env), `tensorflow-js-${binding}`, 'node_modules');
  if (!existsSync(folder)) return;
  env.NODE_PATH = [env.NODE_PATH, folder].filter((one) => one !== undefined).join(path.delimiter);
}
