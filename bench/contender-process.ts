import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

import { ROOT } from './paths';
import { pidsOfTree } from './process-tree';

export interface ContenderCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A channel for messages beside the output. */
  readonly ipc?: boolean;
}

/** Ended with the suite, however that ends: they are groups of their own and would stay. */
const running = new Set<ContenderProcess>();
process.once('exit', () => {
  for (const one of running) one.kill();
});

/** A contender's processes: a group of their own, so that all are measured and ended together. */
export class ContenderProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly log: string;
  #ended = false;

  /** @param prefix goes before the command, e.g. taskset */
  constructor(
    name: string,
    { command, args, env, ipc }: ContenderCommand,
    folder: string,
    prefix: readonly string[],
  ) {
    mkdirSync(folder, { recursive: true });
    this.log = path.join(folder, `${name}.log`);
    // Straight into the file: passing it on would cost the suite CPU time while it measures.
    const log = openSync(this.log, 'a');
    const [program = command, ...rest] = [...prefix, command, ...args];
    this.#child = spawn(program, rest, {
      cwd: ROOT,
      detached: true,
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', ...env },
      stdio: ipc === true ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
    });
    closeSync(log);
    running.add(this);
    this.#exited = new Promise((resolve) => {
      const end = (): void => {
        this.#ended = true;
        running.delete(this);
        resolve();
      };
      this.#child.once('exit', end);
      this.#child.once('error', end);
    });
  }

  /** Process group; 0 when it could not be started. */
  get group(): number {
    return this.#child.pid ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get child(): ChildProcess {
    return this.#child;
  }

  /** Stands still until `resume`: idle servers poll, which would be taken from the one measured. */
  pause(): void {
    for (const pid of pidsOfTree(this.group)) kill(pid, 'SIGSTOP');
  }

  resume(): void {
    for (const pid of pidsOfTree(this.group)) kill(pid, 'SIGCONT');
  }

  /** Asks, and after `graceMs` insists. */
  async stop(graceMs = 5000): Promise<void> {
    this.resume();
    const members = pidsOfTree(this.group);
    this.#signal('SIGTERM');
    const timer = setTimeout(() => {
      this.#signal('SIGKILL');
    }, graceMs);
    await this.#exited;
    clearTimeout(timer);
    // What the leader left behind, in its group or out of it.
    this.#signal('SIGKILL');
    for (const pid of members) kill(pid, 'SIGKILL');
  }

  /** Ends everything at once. */
  kill(): void {
    for (const pid of pidsOfTree(this.group)) kill(pid, 'SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.group !== 0) kill(-this.group, signal);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Nobody is left.
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}

/** Resolves once `url` answers 200. @throws Error when the process ends or the time is over */
export async function untilHealthy(
  contender: ContenderProcess,
  url: string,
  timeoutMs = 180_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (performance.now() < end) {
    if (contender.ended) throw new Error(`it ended before it was ready; see ${contender.log}`);
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
      await response.arrayBuffer();
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`it was not ready after ${String(timeoutMs / 1000)} s; see ${contender.log}`);
}
