import type { Servable } from './servable';

/**
 * False when only a restart can help: every version that should serve has gone without a working
 * instance for longer than the time-out, although instances were started again and again. What could
 * never be loaded does not count: a restart would not load it either.
 * @param timeoutMs 0: never false
 */
export function canRecover(
  servables: readonly Pick<Servable, 'state' | 'failingMs'>[],
  timeoutMs: number,
): boolean {
  const serving = servables.filter(({ state }) => state === 'AVAILABLE');
  if (timeoutMs === 0 || serving.length === 0) return true;
  return serving.some(({ failingMs }) => failingMs <= timeoutMs);
}
