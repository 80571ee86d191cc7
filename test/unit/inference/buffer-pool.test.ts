import fc from 'fast-check';

import { BufferPool } from '../../../src/inference/buffer-pool';

test('a buffer given back is used again for the same size', () => {
  const pool = new BufferPool();
  const buffer = pool.take(16);
  pool.give([buffer]);

  expect(pool.take(8)).not.toBe(buffer);
  expect(pool.take(16)).toBe(buffer);
  expect(pool.take(16)).not.toBe(buffer);
});

test('no more bytes are kept than allowed, and the size unused for longest goes first', () => {
  const pool = new BufferPool(100);
  const [small, medium, large] = [10, 40, 60].map((bytes) => new ArrayBuffer(bytes));
  pool.give([medium!, small!]);

  pool.give([large!]);

  expect(pool.bytes).toBe(70);
  expect(pool.take(40)).not.toBe(medium);
  expect(pool.take(10)).toBe(small);
  expect(pool.take(60)).toBe(large);
});

test('a buffer larger than the limit is not kept and drives no other out', () => {
  const pool = new BufferPool(100);
  pool.give([new ArrayBuffer(60)]);

  pool.give([new ArrayBuffer(101)]);

  expect(pool.bytes).toBe(60);
});

test('a buffer that was moved away is not kept', () => {
  const pool = new BufferPool();
  const moved = new ArrayBuffer(16);
  structuredClone(moved, { transfer: [moved] });
  pool.give([moved]);

  expect(pool.take(16).byteLength).toBe(16);
  expect(pool.take(0)).not.toBe(moved);
});

test('whatever is taken and given, the bytes are counted and within the limit', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 9 })));
  fc.assert(
    fc.property(steps, (steps) => {
      const pool = new BufferPool(20);
      for (const [take, bytes] of steps) {
        if (take) expect(pool.take(bytes).byteLength).toBe(bytes);
        else pool.give([new ArrayBuffer(bytes)]);
        expect(pool.bytes).toBeGreaterThanOrEqual(0);
        expect(pool.bytes).toBeLessThanOrEqual(20);
      }
    }),
  );
});
