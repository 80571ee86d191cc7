import { fork } from 'node:child_process';

import { compiledProgram } from '../../compiled-program';

/** Programs of this folder that run in a process of their own. */
export type Program = 'conversion-process' | 'memory-process';

/** Characters of what a program wrote that are told when it fails. */
const COMPLAINT_LENGTH = 500;

export interface AskOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the process. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a program, hands it a task and waits for its one answer.
 * @throws Error when it ends without one
 */
export function askProcess<Answer>(
  program: Program,
  task: unknown,
  { env, signal }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = fork(compiledProgram(`optimizer/precision/${program}`), [JSON.stringify(task)], {
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', ...env },
      execArgv: [],
      // TensorFlow greets every process that loads it; a crash is the only news.
      silent: true,
      ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' }),
    });
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-COMPLAINT_LENGTH);
    });
    child.on('message', (answer) => {
      resolve(answer as Answer);
    });
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      const end = killedBy ?? `code ${String(code)}`;
      reject(new Error(`the ${program} ended with ${end}\n${complaint}`.trim()));
    });
  });
}

/** In the program: sends the one answer, and ends. */
export function answerWith(work: Promise<unknown>): void {
  // Whoever asked has gone.
  process.on('disconnect', () => process.exit(1));
  void work.then((answer) => {
    process.send?.(answer, () => process.exit(0));
  });
}
