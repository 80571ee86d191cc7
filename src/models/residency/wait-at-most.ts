import { ServingError } from '../../kernel/errors';

/** How long a request waits for a model. */
export interface Patience {
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for something that goes on by itself, for as long as one request may.
 * @throws what it throws, what `tooLate` makes, ServingError CLIENT_CLOSED_REQUEST
 */
export async function waitAtMost(
  event: Promise<unknown>,
  { waitMs, signal }: Patience,
  tooLate: () => Error,
): Promise<void> {
  let stop = (): void => undefined;
  const end = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => {
      reject(tooLate());
    }, waitMs);
    const gone = (): void => {
      reject(new ServingError('CLIENT_CLOSED_REQUEST', 'The client closed the request'));
    };
    if (signal?.aborted === true) gone();
    signal?.addEventListener('abort', gone);
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', gone);
    };
  });
  try {
    await Promise.race([event, end]);
  } finally {
    stop();
  }
}
