import { RequestQueue, type Queueable } from '../../../src/batching/request-queue';

interface Entry extends Queueable {
  readonly id: string;
}

function entry(id: string, groupKey: string, queuedAt = 0, rows = 1): Entry {
  return { id, groupKey, queuedAt, rows };
}

function queueOf(...entries: readonly Entry[]): RequestQueue<Entry> {
  const queue = new RequestQueue<Entry>();
  for (const each of entries) queue.push(each);
  return queue;
}

const ids = (entries: readonly Entry[]) => entries.map(({ id }) => id);

test('requests leave a group in the order they came', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'b'), entry('3', 'a'), entry('4', 'a'));

  expect(ids(queue.take('a', 2))).toEqual(['1', '3']);
  expect(ids(queue.take('a', 2))).toEqual(['4']);
  expect(queue.size).toBe(1);
});

test('taking from a group that is not there takes nothing', () => {
  const queue = queueOf(entry('1', 'a'));

  expect(queue.take('b', 5)).toEqual([]);
  expect(queue.size).toBe(1);
});

test('requests put back are at the head again, in their order', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'a'), entry('3', 'a'));

  queue.unshift(queue.take('a', 2));

  expect(ids(queue.take('a', 3))).toEqual(['1', '2', '3']);
  expect(queue.size).toBe(0);
});

test('requests can be put back into a group that has become empty', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'a'));

  queue.unshift(queue.take('a', 2));

  expect(queue.size).toBe(2);
  expect(ids(queue.take('a', 2))).toEqual(['1', '2']);
});

test('removed requests are returned and the others keep their order', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'b'), entry('3', 'a'), entry('4', 'a'));

  const removed = queue.removeWhere(({ id }) => id === '2' || id === '3');

  expect(ids(removed).sort()).toEqual(['2', '3']);
  expect(queue.size).toBe(2);
  expect(queue.snapshot(9)).toEqual([{ key: 'a', rows: [1, 1], oldestAt: 0 }]);
  expect(ids(queue.take('a', 9))).toEqual(['1', '4']);
});

test('the snapshot shows each group with its rows and the time of its oldest request', () => {
  const queue = queueOf(entry('1', 'a', 10, 2), entry('2', 'b', 11), entry('3', 'a', 12, 3));

  expect(queue.snapshot(9)).toEqual([
    { key: 'a', rows: [2, 3], oldestAt: 10 },
    { key: 'b', rows: [1], oldestAt: 11 },
  ]);
});

test('the snapshot goes no deeper than asked', () => {
  const queue = queueOf(entry('1', 'a'), entry('2', 'a'), entry('3', 'a'));

  expect(queue.snapshot(2)).toEqual([{ key: 'a', rows: [1, 1], oldestAt: 0 }]);
});

test('groups without requests are gone from the snapshot', () => {
  const queue = queueOf(entry('1', 'a'));

  queue.take('a', 1);

  expect(queue.snapshot(9)).toEqual([]);
});
