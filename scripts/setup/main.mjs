import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Build } from './build.mjs';
import { installSignalHandlers } from './cleanup.mjs';
import { withLock } from './lock.mjs';
import { NativeRuntime } from './native-runtime.mjs';
import { NpmPackages } from './npm-packages.mjs';
import { HELP, readOptions } from './options.mjs';
import { chooseVariant, hasNvidiaDriver } from './platform.mjs';
import { Progress } from './progress.mjs';
import { TensorflowJs } from './tensorflow-js.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A clone has sources to build, and packages to install; the package has all but the runtime. */
const isClone =
  existsSync(path.join(root, 'src')) && existsSync(path.join(root, 'package-lock.json'));

/**
 * One set-up per clone at a time. Not in the clone: `npm ci` empties node_modules.
 * @param {string} cache
 */
function cloneLock(cache) {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  return path.join(cache, 'locks', `clone-${name}.lock`);
}

/**
 * Brings the clone or the installed package up to date.
 * @param {import('./platform.mjs').Platform} platform as checkPlatform found it
 */
export async function main(platform) {
  installSignalHandlers();
  const options = readOptions(process.argv.slice(2), process.env);
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const { cache, verify } = options;
  const progress = new Progress(options);
  const variant = chooseVariant(options.variant, platform, hasNvidiaDriver());
  // In this order: the binding is compiled with two of the npm packages, the build with a third.
  const steps = [
    ...(isClone ? [new NpmPackages({ root, platform })] : []),
    ...(options.runtime ? [new NativeRuntime({ root, cache, platform, variant })] : []),
    ...(options.tensorflowJs ? [new TensorflowJs({ root, cache })] : []),
    ...(isClone ? [new Build({ root })] : []),
  ];
  for (const step of steps) {
    if (await step.isCurrent({ full: verify })) {
      progress.note(`${step.title}: up to date`);
      continue;
    }
    /** @param {number | undefined} pid */
    const onWait = (pid) =>
      progress.say(`waiting for another set-up of this folder (process ${pid}) ...`);
    await withLock(cloneLock(cache), onWait, async () => {
      // The set-up that we waited for may have done it.
      if (!(await step.isCurrent({ full: verify }))) await step.install({ full: verify, progress });
    });
    progress.note(`${step.title}: ready`);
  }
}
