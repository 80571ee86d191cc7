import { fork } from 'node:child_process';

import { compiledProgram, type CompiledProgram } from './compiled-program';
import { lowerProcessPriority } from './thread-priority';

/** Characters of what a program wrote that are told when it fails. */
const COMPLAINT_LENGTH = 500;

export interface AskOptions {
  /** Without it TensorFlow takes a GPU if there is one. */
  readonly onCpu?: boolean;
  /** Other models may be serving meanwhile: a lower priority. */
  readonly background?: boolean;
  /** Milliseconds until the process is ended. @default none */
  readonly timeoutMs?: number;
  /** Ends the process. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a program in a process of its own, hands it a task and waits for its one answer.
 * @throws Error when it ends without one: after a crash, in time, or because of the signal
 */
export function askProcess<Answer>(
  program: CompiledProgram,
  task: unknown,
  { onCpu = false, background = false, timeoutMs, signal }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = fork(compiledProgram(program), [JSON.stringify(task)], {
      env: {
        ...process.env,
        TF_CPP_MIN_LOG_LEVEL: '2',
        ...(onCpu ? { CUDA_VISIBLE_DEVICES: '-1' } : {}),
      },
      execArgv: [],
      // TensorFlow greets every process that loads it; a crash is the only news.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      killSignal: 'SIGKILL',
      ...(signal === undefined ? {} : { signal }),
    });
    if (background && child.pid !== undefined) lowerProcessPriority(child.pid);
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            child.kill('SIGKILL');
            reject(new Error(`it took longer than ${timeoutMs} ms`));
          }, timeoutMs);
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-COMPLAINT_LENGTH);
    });
    child.on('message', (answer) => {
      resolve(answer as Answer);
    });
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      clearTimeout(timer);
      const end = killedBy ?? `code ${String(code)}`;
      reject(new Error(`the process ended with ${end}\n${complaint}`.trim()));
    });
  });
}

/** In the program: does what it was asked, sends the one answer, and ends. */
export function answerTask(answer: (task: never) => Promise<unknown>): void {
  // Whoever asked has gone.
  process.on('disconnect', () => process.exit(1));
  // Whoever forks this program gives it a task of its type.
  void answer(JSON.parse(process.argv[2] ?? '{}') as never).then((result) => {
    process.send?.(result, () => process.exit(0));
  });
}
