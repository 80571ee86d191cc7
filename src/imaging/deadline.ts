import type { Steps } from '../kernel/time-slices';
import { tookTooLong } from './image-errors';
import type { ImageFormat } from './sniff';

/**
 * Ends work that takes too long, the waiting between its steps included.
 * @param seconds 0: any time
 * @throws ServingError DECODE_TIMEOUT
 */
export function* within<T>(steps: Steps<T>, seconds: number, format: ImageFormat): Steps<T> {
  const until = seconds === 0 ? Infinity : performance.now() + seconds * 1000;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() > until) throw tookTooLong(format);
    yield;
  }
}
