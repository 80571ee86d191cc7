import { spawn } from 'node:child_process';

/**
 * Gives the parent less than a second, then kills it. Its standard input ends with the parent, so
 * that it never outlives the number of the process that it was told to kill. Not every `sleep`
 * takes a fraction.
 */
const WATCHDOG = '(sleep 0.8 || sleep 1; kill -9 $PPID) & read _; kill $!';

/**
 * Ends the process within a second. `process.exit` alone waits for every thread, and a run that
 * hangs in native code never gives its thread back; nothing inside the process could end that wait.
 * The exit code is then that of SIGKILL, 137.
 */
export function leaveProcess(code: number): never {
  const watchdog = spawn('sh', ['-c', WATCHDOG], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a shell the process ends as Node ends it.
  watchdog.on('error', () => undefined);
  process.exit(code);
}
