import { ByteBudget } from '../../../src/kernel/byte-budget';

const ignore = (): void => undefined;

test('bytes are counted until they are given back, once', () => {
  const budget = new ByteBudget({ limit: 100 });
  const one = budget.open(ignore);

  one.add(60);
  one.add(30);
  expect(budget.used).toBe(90);
  one.release();
  one.release();

  expect(budget.used).toBe(0);
});

test('a newcomer learns before it begins that there is no room', () => {
  const budget = new ByteBudget({ limit: 100 });
  budget.open(ignore).add(60);

  expect(() => {
    budget.requireRoom(41);
  }).toThrow(expect.objectContaining({ code: 'OVERLOADED', retryAfterS: 1 }));
  expect(() => {
    budget.requireRoom(40);
  }).not.toThrow();
});

test('the youngest body gives way, so that the oldest can be finished', () => {
  const budget = new ByteBudget({ limit: 100 });
  const lost: string[] = [];
  const bodies = ['a', 'b', 'c'].map((name) => {
    const body = budget.open((error) => {
      lost.push(`${name} ${error.code}`);
    });
    body.add(30);
    return body;
  });
  const [a, b, c] = bodies;

  a?.add(30);

  expect(lost).toEqual(['c OVERLOADED']);
  expect([b?.revoked, c?.revoked, budget.used]).toEqual([false, true, 90]);
  expect(() => b?.add(30)).toThrow(/90 bytes of requests, and 100 are allowed/);
  a?.add(30);
  expect(lost).toEqual(['c OVERLOADED', 'b OVERLOADED']);
});

test('what has been read to its end is not cut off for others', () => {
  const budget = new ByteBudget({ limit: 100 });
  const old = budget.open(ignore);
  const complete = budget.open(ignore);
  complete.add(60);
  complete.settle();

  expect(() => {
    old.add(50);
  }).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  expect(complete.revoked).toBe(false);
});

describe('work that waits for room', () => {
  /** Asks for room, and notes when it is there. */
  function ask(
    budget: ByteBudget,
    log: string[],
    name: string,
    bytes: number,
  ): Promise<() => void> {
    return budget.whenRoom(bytes).then((release) => {
      log.push(name);
      return release;
    });
  }
  const settled = (): Promise<void> => new Promise(setImmediate);

  test('begins as soon as it fits', async () => {
    const budget = new ByteBudget({ limit: 100 });
    const log: string[] = [];
    const first = await ask(budget, log, 'first', 70);
    const second = ask(budget, log, 'second', 40);
    await settled();
    expect(log).toEqual(['first']);

    first();
    await second;

    expect(log).toEqual(['first', 'second']);
  });

  test('is let through alone however much it takes', async () => {
    const budget = new ByteBudget({ limit: 100 });
    budget.open(ignore).add(90);

    const release = await budget.whenRoom(5000);
    expect(budget.used).toBe(5090);
    release();

    expect(budget.used).toBe(90);
  });

  test('lets smaller work pass, but not for long', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const budget = new ByteBudget({ limit: 100 });
    const log: string[] = [];
    const running = await ask(budget, log, 'running', 60);
    const large = ask(budget, log, 'large', 90);
    (await ask(budget, log, 'small', 10))();
    jest.advanceTimersByTime(2000);
    const late = ask(budget, log, 'late', 10);
    await settled();
    expect(log).toEqual(['running', 'small']);

    running();
    const release = await large;
    release();
    await late;
    jest.useRealTimers();

    expect(log).toEqual(['running', 'small', 'large', 'late']);
  });
});
