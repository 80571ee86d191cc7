import { TokenBucket } from '../../../../src/http/access/token-bucket';

let now: number;

beforeEach(() => {
  now = 1000;
});

function bucket(perMinute: number): TokenBucket {
  return new TokenBucket(perMinute, () => now);
}

test('it is full at first, empties, and says how long the next takes', () => {
  const of = bucket(60);

  expect([of.balance, of.waitS]).toEqual([60, 0]);
  of.take(60);
  expect([of.balance, of.waitS]).toEqual([0, 1]);
});

test('it fills evenly, and never beyond a minute', () => {
  const of = bucket(120);
  of.take(120);

  now += 30_000;
  expect(of.balance).toBe(60);
  now += 3_600_000;
  expect(of.balance).toBe(120);
});

test('what was taken too much is waited for', () => {
  const of = bucket(60);

  of.take(90);
  expect([of.balance, of.waitS]).toEqual([-30, 31]);
  now += 31_000;
  expect([of.balance, of.waitS]).toEqual([1, 0]);
});

test('over a long time no more passes than the rate, whatever is asked for', () => {
  const of = bucket(60);
  let passed = 0;

  for (let second = 0; second < 600; second++) {
    for (let asked = 0; asked < 10; asked++) {
      if (of.waitS > 0) continue;
      of.take(1);
      passed += 1;
    }
    now += 1000;
  }

  expect(passed).toBe(60 + 599);
});
