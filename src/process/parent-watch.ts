/** Milliseconds between two looks. */
const INTERVAL_MS = 1000;

/**
 * Tells when the parent process has gone: killed, it could not pass the signal on. Keeps nothing
 * running by itself.
 * @param parentId id of the parent now
 */
export function onParentGone(
  gone: () => void,
  parentId: () => number = () => process.ppid,
): NodeJS.Timeout {
  const parent = parentId();
  const timer = setInterval(() => {
    if (parentId() === parent) return;
    clearInterval(timer);
    gone();
  }, INTERVAL_MS);
  return timer.unref();
}
