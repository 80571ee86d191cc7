import { appendExample, WireBytes } from '../../../src/http/tfserving/example-proto';
import { readFeature } from '../../../src/http/tfserving/read-feature';
import { JsonCursor } from '../../../src/http/json/json-cursor';
import { atOnce } from '../../../src/kernel/time-slices';

function encode(features: Record<string, string>): Buffer {
  const out = new WireBytes();
  const encoded = Object.entries(features).map(
    ([name, json]) =>
      [
        name,
        atOnce(
          readFeature(new JsonCursor(Buffer.from(json)), { feature: name, where: 'examples[0]' }),
        ),
      ] as const,
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
  [
    'true and false, as whole numbers',
    { n: '[true, false, 7]' },
    '0a0e0a0c0a016e12071a050a03010007',
  ],
  ['an empty list: a feature without values', { n: '[]' }, '0a070a050a016e1200'],
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
  expect(() => encode({ n: '[9223372036854775808]' })).toThrow(
    '9223372036854775808: Only int64 is supported. (examples[0], feature "n", value 0)',
  );
});

test.each([
  ['[1, "a"]', 'Unexpected element type in feature: n expecting type: int64; given: "a"', 1],
  ['[1.5, "a"]', 'Unexpected element type in feature: n expecting type: float; given: "a"', 1],
  ['["a", 1]', 'Unexpected element type in feature: n expecting type: bytes; given: 1', 1],
  ['[0.5, true]', 'Unexpected element type in feature: n expecting type: float; given: true', 1],
  ['[{"b64": 1}]', 'Feature: n has element with unexpected JSON type: Object: {"b64": 1}', 0],
  ['[1, null]', 'Feature: n has element with unexpected JSON type: Null: null', 1],
  ['[[1]]', 'Feature: n has element with unexpected JSON type: Array: [1]', 0],
  ['{}', 'Feature: n has element with unexpected JSON type: Object: {}', 0],
  ['[1.5, 1e39]', 'Cannot convert JSON value: 1e39 to float without loss of precision.', 1],
])('%s is refused, naming the value', (text, reason, value) => {
  expect(() => encode({ n: text })).toThrow(`${reason} (examples[0], feature "n", value ${value})`);
});
