import { setMaxListeners } from 'node:events';

/** A signal of the request's own, so that one failed part can stop the others. */
export function linkedAbort(signal: AbortSignal | undefined): {
  readonly controller: AbortController;
  readonly unlink: () => void;
} {
  const controller = new AbortController();
  // One listener a part: as many as there are is no leak.
  setMaxListeners(0, controller.signal);
  const abort = (): void => {
    controller.abort();
  };
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return {
    controller,
    unlink: () => {
      signal?.removeEventListener('abort', abort);
    },
  };
}

/** Waits for all; throws what failed first, after telling the others. */
export async function allOrFirstError<T>(
  work: readonly Promise<T>[],
  onFailure: () => void,
): Promise<T[]> {
  const failures: unknown[] = [];
  const results = await Promise.all(
    work.map((one) =>
      one.then(
        (value) => [value],
        (thrown: unknown) => {
          failures.push(thrown);
          onFailure();
          return [];
        },
      ),
    ),
  );
  if (failures.length > 0) throw failures[0];
  return results.flat();
}
