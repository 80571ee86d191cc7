/**
 * Things to undo when the set-up is interrupted: temporary folders, locks, running children. All
 * synchronous, because a signal handler has no time to wait. `kill -9` skips them, so none of them
 * may be needed for correctness: the next run finds and removes what was left.
 * @type {Set<() => void>}
 */
const undo = new Set();

/**
 * Registers an undo step.
 * @param {() => void} step
 * @returns a function that withdraws it
 */
export function onInterrupt(step) {
  undo.add(step);
  return () => undo.delete(step);
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };

export function installSignalHandlers() {
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      // Last registered first: children stop before the folders they write to go.
      for (const step of [...undo].reverse()) step();
      process.exit(128 + number);
    });
  }
}
