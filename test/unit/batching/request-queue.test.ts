import fc from 'fast-check';

import { RequestQueue, type Queueable } from '../../../src/batching/request-queue';

interface Entry extends Queueable {
  readonly id: string;
}

function entry(id: string, groupKey: string, queuedAt = 0, rows = 1): Entry {
  return { id, groupKey, queuedAt, rows };
}

/** Of batches of two rows. */
function queueOf(...entries: readonly Entry[]): RequestQueue<Entry> {
  const queue = new RequestQueue<Entry>(() => 2);
  for (const each of entries) queue.push(each);
  return queue;
}

const ids = (entries: readonly Entry[]) => entries.map(({ id }) => id);

test('requests leave a group in the order they came, a batch at a time', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'b'), entry('3', 'a'), entry('4', 'a'));

  expect(ids(queue.take('a'))).toEqual(['1', '3']);
  expect(ids(queue.take('a'))).toEqual(['4']);
  expect(ids(queue.take('a'))).toEqual([]);
  expect(queue.size).toBe(1);
});

test('a look at the next batch takes nothing', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'a'), entry('3', 'a'));

  expect(ids(queue.peek('a'))).toEqual(['1', '2']);
  expect(ids(queue.take('a'))).toEqual(['1', '2']);
  expect(ids(queue.peek('a'))).toEqual(['3']);
});

test('taking from a group that is not there takes nothing', () => {
  const queue = queueOf(entry('1', 'a'));

  expect(queue.take('b')).toEqual([]);
  expect(queue.size).toBe(1);
});

test('requests put back are at the head again, in their order', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'a'), entry('3', 'a'));

  queue.unshift(queue.take('a'));

  expect(ids(queue.take('a'))).toEqual(['1', '2']);
  expect(ids(queue.take('a'))).toEqual(['3']);
  expect(queue.size).toBe(0);
});

test('requests can be put back into groups that have become empty', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'b'));

  queue.unshift([...queue.take('a'), ...queue.take('b')]);

  expect(queue.size).toBe(2);
  expect(ids(queue.take('a'))).toEqual(['1']);
  expect(ids(queue.take('b'))).toEqual(['2']);
});

test('removed requests are returned and the others keep their order', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'b'), entry('3', 'a'), entry('4', 'a'));

  const removed = queue.removeWhere(({ id }) => id === '2' || id === '3');

  expect(ids(removed).sort()).toEqual(['2', '3']);
  expect(queue.size).toBe(2);
  expect(queue.heads().oldest).toMatchObject({ key: 'a' });
  expect(ids(queue.take('a'))).toEqual(['1', '4']);
  expect(queue.heads()).toEqual({ oldest: undefined, oldestFull: undefined });
});

test('the oldest group, and the oldest of those that fill a batch, are at hand', () => {
  const queue = queueOf(
    entry('1', 'lone', 10),
    entry('2', 'full', 11),
    entry('3', 'fuller', 12, 9),
    entry('4', 'full', 13),
  );

  expect(queue.heads()).toEqual({
    oldest: { key: 'lone', oldestAt: 10, full: false },
    oldestFull: { key: 'full', oldestAt: 11, full: true },
  });
});

test('a parked group is left out until it is taken back', () => {
  const queue = queueOf(entry('1', 'a', 1), entry('2', 'a', 2), entry('3', 'b', 3));

  queue.park('a');
  queue.push(entry('4', 'a', 4));

  expect(queue.heads()).toMatchObject({ oldest: { key: 'b' }, oldestFull: undefined });
  queue.unpark();
  expect(queue.heads()).toMatchObject({ oldest: { key: 'a' }, oldestFull: { key: 'a' } });
  expect(ids(queue.take('a'))).toEqual(['1', '2']);
});

test('new limits hold for what waits already', () => {
  let limit = 4;
  const queue = new RequestQueue<Entry>(() => limit);
  for (const id of ['1', '2', '3']) queue.push(entry(id, 'a'));
  expect(queue.heads().oldestFull).toBeUndefined();

  limit = 2;
  queue.refreshLimits();

  expect(queue.heads().oldestFull).toMatchObject({ key: 'a' });
  expect(ids(queue.take('a'))).toEqual(['1', '2']);
});

test('whatever is done to it, its heads are those of a plain list', () => {
  const keys = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('push' as const),
      key: keys,
      rows: fc.integer({ min: 1, max: 4 }),
    }),
    fc.record({
      kind: fc.constantFrom('take' as const, 'back' as const, 'drop' as const),
      key: keys,
    }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 5 }),
      (steps, limit) => {
        const queue = new RequestQueue<Entry>(() => limit);
        let list: Entry[] = [];
        const own = (key: string): Entry[] => list.filter(({ groupKey }) => groupKey === key);
        let time = 0;
        for (const each of steps) {
          time += 1;
          if (each.kind === 'push') {
            const fresh = entry(String(time), each.key, time, each.rows);
            queue.push(fresh);
            list.push(fresh);
          } else if (each.kind === 'drop') {
            const [first] = own(each.key);
            expect(queue.removeWhere((one) => one === first)).toEqual(first ? [first] : []);
            list = list.filter((one) => one !== first);
          } else {
            const taken = queue.take(each.key);
            expect(taken).toEqual(own(each.key).slice(0, taken.length));
            if (each.kind === 'back') queue.unshift(taken);
            else list = list.filter((one) => !taken.includes(one));
          }
          const groups = [...new Set(list.map(({ groupKey }) => groupKey))].map((key) => ({
            key,
            oldestAt: own(key)[0]?.queuedAt ?? 0,
            full: own(key).reduce((sum, { rows }) => sum + rows, 0) >= limit,
          }));
          const first = (some: typeof groups) =>
            some.reduce<(typeof groups)[number] | undefined>(
              (best, one) => (best === undefined || one.oldestAt < best.oldestAt ? one : best),
              undefined,
            );
          expect(queue.size).toBe(list.length);
          expect(queue.heads()).toEqual({
            oldest: first(groups),
            oldestFull: first(groups.filter(({ full }) => full)),
          });
        }
      },
    ),
  );
});

test('as many groups as there are requests neither overflow the stack nor are looked through', () => {
  const count = 200_000;
  const queue = new RequestQueue<Entry>(() => 1);
  for (let i = 0; i < count; i++) queue.push(entry(String(i), String(i), i));

  for (let i = 0; i < count; i++) {
    const key = queue.heads().oldest?.key ?? '';
    // One by one: a matcher for each of so many takes longer than all of the rest.
    if (queue.take(key)[0]?.id !== String(i)) throw new Error(`${i} was not next`);
  }

  expect(queue.size).toBe(0);
});
