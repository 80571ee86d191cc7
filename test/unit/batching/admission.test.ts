import { Admission } from '../../../src/batching/admission';

function admission(limit: number, retryAfterS = 1): Admission {
  return new Admission({ limit, retryAfterS: () => retryAfterS });
}

test('permits are counted while they are held', () => {
  const door = admission(4);

  const permit = door.acquire(3);

  expect(door.admitted).toBe(3);
  permit.release();
  expect(door.admitted).toBe(0);
});

test('a request gets all its places or none, and is told when to come back', () => {
  const door = admission(4, 7);
  door.acquire(3);

  expect(() => door.acquire(2)).toThrow(
    expect.objectContaining({
      code: 'OVERLOADED',
      retryAfterS: 7,
      message: 'The queue of the model is full: 3 of 4 places are taken',
    }),
  );
  expect(door.admitted).toBe(3);
  expect(() => door.acquire(1)).not.toThrow();
});

test('a request that never fits is not told to come back', () => {
  expect(() => admission(4).acquire(5)).toThrow(
    expect.objectContaining({ code: 'TOO_MANY_IMAGES', retryAfterS: undefined }),
  );
});

test('releasing twice gives back once', () => {
  const door = admission(4);
  door.acquire(1);
  const permit = door.acquire(2);

  permit.release();
  permit.release();

  expect(door.admitted).toBe(1);
});

test('parts of a permit are released one by one, and the rest with the whole', () => {
  const door = admission(4);
  const permit = door.acquire(3);
  const part = permit.split();

  expect(door.admitted).toBe(3);
  part.release();
  part.release();
  expect(door.admitted).toBe(2);
  permit.release();
  expect(door.admitted).toBe(0);
});

test('a part outlives the release of what it was split off', () => {
  const door = admission(4);
  const permit = door.acquire(2);
  const part = permit.split();

  permit.release();

  expect(door.admitted).toBe(1);
  part.release();
  expect(door.admitted).toBe(0);
});

test('a permit is split no further than it goes', () => {
  const permit = admission(4).acquire(1);
  permit.split();

  expect(() => permit.split()).toThrow('nothing left to split');
});
