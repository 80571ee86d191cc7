import { Semaphore } from '../../../src/kernel/semaphore';

/** Work that the test ends by hand, and the order in which it was begun. */
function controlled(semaphore: Semaphore) {
  const begun: string[] = [];
  const ends = new Map<string, { resolve: (value: string) => void; reject: (e: Error) => void }>();
  const start = (name: string): Promise<string> =>
    semaphore.run(() => {
      begun.push(name);
      return new Promise((resolve, reject) => ends.set(name, { resolve, reject }));
    });
  return {
    begun,
    start,
    end: async (name: string) => {
      ends.get(name)?.resolve(name);
      await settled();
    },
    fail: async (name: string) => {
      ends.get(name)?.reject(new Error(name));
      await settled();
    },
  };
}

/** Lets every promise that is due go on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('as many run at once as there are permits', async () => {
  const { begun, start } = controlled(new Semaphore(2));
  for (const name of ['a', 'b', 'c']) void start(name);

  await settled();

  expect(begun).toEqual(['a', 'b']);
});

test('the rest begin one by one in the order they came', async () => {
  const { begun, start, end } = controlled(new Semaphore(1));
  for (const name of ['a', 'b', 'c']) void start(name);

  await end('a');
  expect(begun).toEqual(['a', 'b']);
  await end('b');
  expect(begun).toEqual(['a', 'b', 'c']);
});

test('a permit that was handed on is not given to a newcomer as well', async () => {
  const { begun, start, end } = controlled(new Semaphore(1));
  void start('a');
  void start('b');
  await end('a');

  void start('newcomer');
  await settled();

  expect(begun).toEqual(['a', 'b']);
});

test('the result is passed on', async () => {
  const { start, end } = controlled(new Semaphore(1));
  const result = start('a');

  await end('a');

  await expect(result).resolves.toBe('a');
});

test('work that fails is told so, and gives its permit back', async () => {
  const { begun, start, fail } = controlled(new Semaphore(1));
  const failed = expect(start('a')).rejects.toThrow('a');
  void start('b');

  await fail('a');

  await failed;
  expect(begun).toEqual(['a', 'b']);
});

test('work that throws before it has begun gives its permit back', async () => {
  const semaphore = new Semaphore(1);
  const thrown = semaphore.run(() => {
    throw new Error('at once');
  });

  await expect(thrown).rejects.toThrow('at once');
  await expect(semaphore.run(() => Promise.resolve('next'))).resolves.toBe('next');
});

test('permits are free again when nobody waits', async () => {
  const { begun, start, end } = controlled(new Semaphore(1));
  void start('a');
  await end('a');

  void start('b');
  await settled();

  expect(begun).toEqual(['a', 'b']);
});

test('who gives up waiting is told why, and keeps nobody from a turn', async () => {
  const semaphore = new Semaphore(1);
  const { begun, start, end } = controlled(semaphore);
  const impatient = new AbortController();
  void start('first');
  const left = semaphore.run(() => Promise.resolve('never'), impatient.signal);
  void start('last');

  impatient.abort(new Error('tired'));
  await expect(left).rejects.toThrow('tired');
  await end('first');

  expect(begun).toEqual(['first', 'last']);
  await expect(semaphore.run(() => Promise.resolve('never'), impatient.signal)).rejects.toThrow(
    'tired',
  );
});
