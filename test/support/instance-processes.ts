import { readdirSync, readFileSync } from 'node:fs';

/** A process of an instance, as Linux shows it. */
export interface InstanceProcess {
  readonly id: number;
  readonly parent: number;
  /** Its command line, which names the folder that it has loaded. */
  readonly command: string;
}

/** Instances of all servers, or of one. @param parent id of the server's process */
export function instanceProcesses(parent?: number): InstanceProcess[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8');
        const status = readFileSync(`/proc/${entry}/status`, 'utf8');
        const own = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
        const isZombie = /^State:\s*Z/m.test(status);
        return command.includes('instance-process.js') &&
          !isZombie &&
          (parent === undefined || own === parent)
          ? [{ id: Number(entry), parent: own, command }]
          : [];
      } catch {
        return []; // gone meanwhile
      }
    });
}

/** Of this process, those that have loaded a folder. */
export function instancesOf(directory: string): InstanceProcess[] {
  return instanceProcesses(process.pid).filter(({ command }) => command.includes(directory));
}

/** Files in shared memory, except those of browsers, which tests in other processes start. */
export function sharedMemoryFiles(): string[] {
  return readdirSync('/dev/shm').filter((name) => !name.includes('chromium'));
}

/** Resolves when `condition` holds; each look waits for the next turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
