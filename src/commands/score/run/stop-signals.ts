import { setMaxListeners } from 'node:events';

/** Ends a run in good order: the first signal stops it, the second drops what is under way. */
export interface StopSignals {
  /** No more inputs are taken. */
  readonly stop: AbortSignal;
  /** What is under way is dropped. */
  readonly drop: AbortSignal;
  /** The signal that came, if one did. */
  received(): 'SIGINT' | 'SIGTERM' | undefined;
  unlisten(): void;
}

export function listenForStop(say: (text: string) => void): StopSignals {
  const stop = new AbortController();
  const drop = new AbortController();
  // A listener for every image under way: as many as there are is no leak.
  setMaxListeners(0, stop.signal, drop.signal);
  let received: 'SIGINT' | 'SIGTERM' | undefined;
  const on = (signal: 'SIGINT' | 'SIGTERM') => (): void => {
    if (received === undefined) say('Finishing what is under way; once more to drop it.');
    else drop.abort();
    received ??= signal;
    stop.abort();
  };
  const [interrupt, terminate] = [on('SIGINT'), on('SIGTERM')];
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', terminate);
  return {
    stop: stop.signal,
    drop: drop.signal,
    received: () => received,
    unlisten: () => {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', terminate);
    },
  };
}
