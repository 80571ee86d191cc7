import { appendExample, WireBytes } from '../../../src/http/tfserving/example-proto';
import { readFeature } from '../../../src/http/tfserving/read-feature';
import { JsonCursor } from '../../../src/http/json/json-cursor';
import { atOnce } from '../../../src/kernel/time-slices';

function encode(features: Record<string, string>): Buffer {
  const out = new WireBytes();
  const encoded = Object.entries(features).map(
    ([name, json]) => [name, atOnce(readFeature(new JsonCursor(Buffer.from(json)), name))] as const,
  );
  appendExample(out, new Map(encoded));
  return Buffer.from(out.finish());
}

// What tf.train.Example(...).SerializeToString() gives.
test.each<[string, Record<string, string>, string]>([
  ['no feature', {}, '0a00'],
  ['floats', { x: '[1.0, -2.5]' }, '0a130a110a0178120c120a0a080000803f000020c0'],
  [
    'a number with a point among others',
    { x: '[1, -2.5]' },
    '0a130a110a0178120c120a0a080000803f000020c0',
  ],
  [
    'whole numbers, negative ones too',
    { n: '[5, -1]' },
    '0a160a140a016e120f1a0d0a0b05ffffffffffffffffff01',
  ],
  ['bytes', { s: '"ab"' }, '0a0d0a0b0a017312060a040a026162'],
  ['bytes in base64', { s: '[ { "b64" : "YWI=" } ]' }, '0a0d0a0b0a017312060a040a026162'],
])('%s', (_what, features, expected) => {
  expect(encode(features).toString('hex')).toBe(expected);
});

test('lengths beyond 127 take two bytes', () => {
  expect(encode({ s: JSON.stringify('a'.repeat(200)) })).toHaveLength(200 + 3 + 3 + 3 + 3 + 3 + 3);
});

test('int64 is exact to its limits, and refused beyond', () => {
  const at = (text: string): string => encode({ n: text }).toString('hex').slice(-20);

  expect(at('[9223372036854775807]')).toBe('09ffffffffffffffff7f');
  expect(() => encode({ n: '[9223372036854775808]' })).toThrow(/is not an int64/);
});

test.each(['[1, "a"]', '["a", 1]', '[{"b64": 1}]', '[null]', '[[1]]', '{}'])(
  '%s is refused by name',
  (text) => {
    expect(() => encode({ n: text })).toThrow(/^n: .* is not a number, a string or/);
  },
);
