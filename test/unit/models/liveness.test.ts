import { canRecover } from '../../../src/models/liveness';
import type { ServableState } from '../../../src/models/servable';

const MINUTE = 60_000;

test.each<[string, [ServableState, number][], boolean]>([
  ['nothing is served', [], true],
  ['nothing could be loaded', [['END', 0]], true],
  ['everything loads', [['LOADING', 0]], true],
  ['everything works', [['AVAILABLE', 0]], true],
  ['instances were lost just now', [['AVAILABLE', 4 * MINUTE]], true],
  [
    'one of two has long gone without an instance',
    [
      ['AVAILABLE', 6 * MINUTE],
      ['AVAILABLE', 0],
    ],
    true,
  ],
  [
    'all have',
    [
      ['AVAILABLE', 6 * MINUTE],
      ['AVAILABLE', 9 * MINUTE],
    ],
    false,
  ],
  [
    'all that is served has',
    [
      ['AVAILABLE', 6 * MINUTE],
      ['END', 0],
      ['LOADING', 0],
    ],
    false,
  ],
])('%s', (_what, servables, live) => {
  const states = servables.map(([state, failingMs]) => ({ state, failingMs }));

  expect(canRecover(states, 5 * MINUTE)).toBe(live);
  expect(canRecover(states, 0)).toBe(true);
});
