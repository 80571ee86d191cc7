import fc from 'fast-check';

import { KeySet } from '../../../../../src/commands/score/inputs/key-set';
import { pathKey, shardOf } from '../../../../../src/commands/score/inputs/path-key';

test('it holds what a Set holds', () => {
  const key = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: 0n, max: 50n }),
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 3000 }), (keys) => {
      const plain = new Set<bigint>();
      const set = new KeySet();
      for (const one of keys) {
        expect(set.add(one)).toBe(!plain.has(one));
        plain.add(one);
      }
      expect(set.size).toBe(plain.size);
      for (const one of keys) expect(set.has(one)).toBe(true);
    }),
  );
});

test('a hundred thousand paths stay apart', () => {
  const set = new KeySet();
  for (let i = 0; i < 100_000; i++) set.add(pathKey({ root: 'r', path: `${i}.jpg` }));

  expect(set.size).toBe(100_000);
});

test('root and path are not one text', () => {
  expect(pathKey({ root: 'a', path: 'b/c' })).not.toBe(pathKey({ root: 'a/b', path: 'c' }));
});

test('shards are about equal, and do not change', () => {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 4000; i++) {
    const shard = shardOf(Buffer.from(`${i}.jpg`), 4);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }

  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  expect(shardOf(Buffer.from('birds/a.jpg'), 4)).toBe(shardOf(Buffer.from('birds/a.jpg'), 4));
  // What was once assigned stays so: half-done jobs are continued by newer versions.
  expect(['a.jpg', 'b.jpg', 'c.jpg'].map((name) => shardOf(Buffer.from(name), 1000))).toEqual(
    SHARDS,
  );
});

/** SHA-1 of the path and a NUL, its first eight bytes as a little-endian number, modulo 1000. */
const SHARDS = [213, 191, 366];
