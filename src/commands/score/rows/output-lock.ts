import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';

import { hasErrorCode } from '../../../kernel/errors';
import { CliError } from '../../exit-codes';
import { outputError } from './growing-file';

/**
 * Keeps two runs from one output. What a killed process left behind is taken over.
 * @returns lets go of it
 * @throws CliError usage when another process has it; outputFailed
 */
export function lockOutput(output: string): () => void {
  if (isStream(output)) return () => undefined;
  const file = `${output}.lock`;
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => {
        rmSync(file, { force: true });
      };
    } catch (thrown) {
      if (!hasErrorCode(thrown, 'EEXIST')) throw outputError(file, thrown);
      const owner = ownerOf(file);
      if (owner !== undefined && existsSync(`/proc/${owner}`)) {
        throw new CliError('usage', `${output} is being written by process ${owner}`);
      }
      if (attempt > 0) throw new CliError('usage', `${file} is there and cannot be removed`);
      rmSync(file, { force: true });
    }
  }
}

/** A pipe or a device such as /dev/stdout: rows go through it, and none can be resumed. */
export function isStream(output: string): boolean {
  try {
    const stats = statSync(output);
    return !stats.isFile() && !stats.isDirectory();
  } catch {
    return false;
  }
}

function ownerOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) && pid > 0 && pid !== process.pid ? pid : undefined;
  } catch {
    return undefined;
  }
}
