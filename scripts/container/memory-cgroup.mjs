import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * @typedef {{ how: string, enter: string, peak: () => string, remove: () => void }} MemoryLimit
 * enter: a shell command that puts the shell under the limit
 */

/**
 * Limits memory by a cgroup of either version; by the data of each process where none can be made.
 * @param {number} bytes
 * @returns {MemoryLimit}
 */
export function limitMemory(bytes) {
  const name = `tfjs-serving-check-${process.pid}`;
  for (const { parent, limit, peak } of [
    {
      parent: '/sys/fs/cgroup/memory',
      limit: 'memory.limit_in_bytes',
      peak: 'memory.max_usage_in_bytes',
    },
    { parent: '/sys/fs/cgroup', limit: 'memory.max', peak: 'memory.peak' },
  ]) {
    if (!existsSync(path.join(parent, 'cgroup.procs'))) continue;
    const folder = path.join(parent, name);
    try {
      mkdirSync(folder);
      writeFileSync(path.join(folder, limit), String(bytes));
    } catch {
      continue;
    }
    return {
      how: `${bytes} bytes by ${path.join(folder, limit)}`,
      enter: `echo $$ > '${path.join(folder, 'cgroup.procs')}'`,
      peak: () =>
        `${Math.round(Number(readFileSync(path.join(folder, peak), 'utf8')) / 2 ** 20)} MiB`,
      remove: () => {
        // What changes its user is no longer ended with the program that started it.
        for (const pid of readFileSync(path.join(folder, 'cgroup.procs'), 'utf8').split('\n')) {
          if (pid !== '') process.kill(Number(pid), 'SIGKILL');
        }
        removeLater(folder);
      },
    };
  }
  return {
    how: `${bytes} bytes of data for each process (ulimit -d), as no cgroup can be made`,
    enter: `ulimit -d ${Math.floor(bytes / 1024)}`,
    peak: () => 'unknown',
    remove: () => undefined,
  };
}

/**
 * A cgroup can be removed once its last process has gone.
 * @param {string} folder
 */
function removeLater(folder) {
  for (let attempt = 0; existsSync(folder) && attempt < 50; attempt += 1) {
    try {
      rmdirSync(folder);
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}
