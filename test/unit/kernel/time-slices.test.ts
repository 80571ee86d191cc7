import { atOnce, TimeSlices, type Steps } from '../../../src/kernel/time-slices';

/** A clock that moves when work is done, and turns of an event loop that are called by hand. */
function createSlices(): {
  readonly slices: TimeSlices;
  readonly turn: () => boolean;
  readonly work: (log: string[], name: string, steps: number) => Steps<string>;
} {
  let now = 0;
  const turns: (() => void)[] = [];
  const slices = new TimeSlices({ sliceMs: 4, now: () => now, defer: (next) => turns.push(next) });
  return {
    slices,
    turn: () => {
      const next = turns.shift();
      next?.();
      return next !== undefined;
    },
    *work(log, name, steps) {
      for (let step = 1; step <= steps; step++) {
        now += 1;
        log.push(`${name}${String(step)}`);
        yield;
      }
      return name;
    },
  };
}

test('short work is done before anything else happens', async () => {
  const { slices, work } = createSlices();
  const log: string[] = [];

  const result = slices.run(work(log, 'a', 3));

  expect(log).toEqual(['a1', 'a2', 'a3']);
  expect(await result).toBe('a');
});

test('long work has one slice per turn of the event loop', async () => {
  const { slices, turn, work } = createSlices();
  const log: string[] = [];

  const result = slices.run(work(log, 'a', 10));
  const atFirst = log.length;
  turn();
  const afterOne = log.length;
  while (turn());

  expect([atFirst, afterOne, log.length]).toEqual([4, 8, 10]);
  expect(await result).toBe('a');
});

test('long tasks take turns, and short ones do not wait behind them', () => {
  const { slices, turn, work } = createSlices();
  const log: string[] = [];

  void slices.run(work(log, 'a', 12));
  void slices.run(work(log, 'b', 8));
  turn();
  void slices.run(work(log, 'c', 1));
  turn();

  expect(log.join(' ')).toBe('a1 a2 a3 a4 a5 a6 a7 a8 c1 b1 b2 b3 b4');
});

test('many that arrive together share the slice of their turn', () => {
  const { slices, work } = createSlices();
  const log: string[] = [];

  for (const name of ['a', 'b', 'c']) void slices.run(work(log, name, 3));

  expect(log).toEqual(['a1', 'a2', 'a3', 'b1']);
});

test('an error of the work reaches who waits for it, and others go on', async () => {
  const { slices, turn, work } = createSlices();
  const log: string[] = [];
  const failing = function* (): Steps<never> {
    yield;
    throw new Error('broken');
  };

  const other = slices.run(work(log, 'a', 6));
  const failed = slices.run(failing());
  while (turn());

  await expect(failed).rejects.toThrow('broken');
  expect(await other).toBe('a');
});

test('work for a client that has gone ends at its next pause, and cleans up', async () => {
  const { slices, turn, work } = createSlices();
  const log: string[] = [];
  const gone = new AbortController();
  let cleaned = false;
  const cleaning = function* (): Steps<void> {
    try {
      yield* work(log, 'a', 100);
    } finally {
      cleaned = true;
    }
  };

  const result = slices.run(cleaning(), gone.signal);
  gone.abort();
  while (turn());

  await expect(result).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
  expect([log.length, cleaned]).toEqual([4, true]);
});

test('without a loop to share, work runs to its end', () => {
  const { work } = createSlices();

  expect(atOnce(work([], 'a', 100))).toBe('a');
});
