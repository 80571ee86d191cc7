import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';

/** The compiled server. */
export const MAIN = path.resolve(__dirname, '../../dist/main.js');

/** A server in a process of its own. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** Its exit code; null when a signal ended it. */
  readonly exit: Promise<number | null>;
  /** Resolves with the log line in which `msg` is `message`. */
  line(message: string): Promise<Record<string, unknown>>;
  output(): string;
}

/** Quiet where it must be, and without what a test has to wait for. */
const QUICK = {
  PORT: '0',
  TFJS_SERVING_LOG_FORMAT: 'json',
  TFJS_SERVING_INSTANCES: '1',
  TFJS_SERVING_OPTIMIZE: 'false',
  TFJS_SERVING_DRAIN_DELAY_MS: '0',
};

const running = new Set<ChildProcess>();

/** Ends what a test has left behind, for `afterEach`. */
export function killServers(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Starts the server as `node dist/main.js` does. */
export function startServer(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ServerProcess {
  return startProgram(process.execPath, [MAIN, ...args], { env });
}

/** Starts something that becomes the server. */
export function startProgram(
  file: string,
  args: readonly string[],
  {
    env = {},
    cwd,
  }: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): ServerProcess {
  const child = spawn(file, args, {
    env: { ...process.env, ...QUICK, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  running.add(child);
  let output = '';
  const watchers = new Set<() => void>();
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
    for (const watch of watchers) watch();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const exit = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  return {
    child,
    exit,
    output: () => output,
    line: (message) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          const found = output.split('\n').find((text) => text.includes(`"msg":"${message}"`));
          if (found === undefined) return;
          watchers.delete(watch);
          resolve(JSON.parse(found) as Record<string, unknown>);
        };
        watchers.add(watch);
        void exit.then(() => {
          reject(new Error(`the server ended before "${message}":\n${output}`));
        });
        watch();
      }),
  };
}
