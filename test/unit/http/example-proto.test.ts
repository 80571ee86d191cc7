import { encodeExample, type Feature } from '../../../src/http/tfserving/example-proto';

function hex(features: Record<string, Feature>): string {
  return Buffer.from(encodeExample(new Map(Object.entries(features)))).toString('hex');
}

// What tf.train.Example(...).SerializeToString() gives.
test.each<[string, Record<string, Feature>, string]>([
  ['no feature', {}, '0a00'],
  [
    'floats',
    { x: { kind: 'float', values: [1, -2.5] } },
    '0a130a110a0178120c120a0a080000803f000020c0',
  ],
  [
    'whole numbers, negative ones too',
    { n: { kind: 'int64', values: [5n, -1n] } },
    '0a160a140a016e120f1a0d0a0b05ffffffffffffffffff01',
  ],
  [
    'bytes',
    { s: { kind: 'bytes', values: [Buffer.from('ab')] } },
    '0a0d0a0b0a017312060a040a026162',
  ],
])('%s', (_what, features, expected) => {
  expect(hex(features)).toBe(expected);
});

test('lengths beyond 127 take two bytes', () => {
  const encoded = encodeExample(
    new Map([['s', { kind: 'bytes', values: [Buffer.alloc(200, 0x61)] }]]),
  );

  expect(encoded).toHaveLength(200 + 3 + 3 + 3 + 3 + 3 + 3);
});
