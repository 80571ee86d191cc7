import { readFileSync } from 'node:fs';

import type { InstanceEnd } from '../kernel/run-lost-error';
import type { ProcessEnd } from './instance-channel';

/** Where Linux counts the processes that it has killed for want of memory. */
const COUNTERS = ['/proc/vmstat', '/sys/fs/cgroup/memory.events'];

/** Processes killed for want of memory so far, by this machine or this container. */
export function outOfMemoryKills(): number {
  return COUNTERS.reduce((sum, file) => {
    try {
      const [, count = '0'] = /^oom_kill (\d+)$/m.exec(readFileSync(file, 'latin1')) ?? [];
      return sum + Number(count);
    } catch {
      return sum;
    }
  }, 0);
}

/** Of TensorFlow and of the C++ library, when an allocation fails that nobody can answer for. */
const MEMORY_COMPLAINT = /bad_alloc|out of memory|cannot allocate memory|failed to allocate/i;

/** What a check inside TensorFlow writes before it aborts the process. */
const FATAL = /^F\d{4} [\d:. ]+\S+:\d+\] *(.*)$/m;

/** @param memoryKills whether the kernel has killed a process for want of memory meanwhile */
export function endOfProcess(
  { signal, exitCode, complaint }: ProcessEnd,
  memoryKills: boolean,
): InstanceEnd {
  const how = { signal, exitCode };
  if (signal === 'SIGKILL' && memoryKills) {
    return {
      ...how,
      cause: 'memory',
      reason: 'the kernel killed it (SIGKILL): memory had run out',
    };
  }
  if (signal !== undefined && MEMORY_COMPLAINT.test(complaint)) {
    return { ...how, cause: 'memory', reason: `it ended with ${signal}: ${lastLine(complaint)}` };
  }
  const what = signal ?? (exitCode === undefined ? 'no process' : `exit code ${exitCode}`);
  const said = FATAL.exec(complaint)?.[1] ?? lastLine(complaint);
  return {
    ...how,
    cause: 'crash',
    reason: `it ended with ${what}${said === '' ? '' : `: ${said}`}`,
  };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
