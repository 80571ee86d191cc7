import { fork } from 'node:child_process';

import { compiledProgram } from '../compiled-program';
import { lowerProcessPriority } from '../thread-priority';
import type { RewriteAnswer, RewriteTask } from './rewrite-process';

/**
 * Rewrites a model in a process of its own; a crash, a hang and a failure are answers too.
 * @param signal ends it early
 */
export function runRewrite(
  task: RewriteTask,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<RewriteAnswer> {
  return new Promise((resolve) => {
    const failed = (reason: string): void => {
      resolve({ kind: 'failed', reason });
    };
    if (signal?.aborted === true) {
      failed('the server is shutting down');
      return;
    }
    const child = fork(compiledProgram('optimizer/rewrite-process'), [JSON.stringify(task)], {
      // On the CPU: the server's GPU memory stays untouched, and its sums are exact enough to compare.
      env: { ...process.env, CUDA_VISIBLE_DEVICES: '-1', TF_CPP_MIN_LOG_LEVEL: '2' },
      execArgv: [],
    });
    // Other models may be serving meanwhile.
    if (child.pid !== undefined) lowerProcessPriority(child.pid);
    const stop = (reason: string): void => {
      child.kill('SIGKILL');
      failed(reason);
    };
    const timer = setTimeout(() => {
      stop(`the rewrite took longer than ${timeoutMs} ms`);
    }, timeoutMs);
    const onAbort = (): void => {
      stop('the server is shutting down');
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    child.on('message', (message: RewriteAnswer) => {
      resolve(message);
    });
    child.on('error', (error) => {
      failed(error.message);
    });
    child.on('exit', (code, killedBy) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      failed(`the rewrite ended with ${killedBy ?? `code ${String(code)}`}`);
    });
  });
}
