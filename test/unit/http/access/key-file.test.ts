import { parseKeyFile, requireDistinct, unlimitedKey } from '../../../../src/http/access/key-file';
import { keyEntry, keySpecs } from '../../../support/keys';

const HASH = 'ab'.repeat(32);

test('a key without anything else may use every model, without limits', () => {
  expect(
    parseKeyFile(JSON.stringify({ keys: [{ name: 'a', sha256: HASH.toUpperCase() }] })),
  ).toEqual([{ name: 'a', sha256: HASH, models: ['*'], scopes: ['infer'] }]);
  expect(unlimitedKey(`a:${HASH}`)).toEqual({
    name: 'a',
    sha256: HASH,
    models: ['*'],
    scopes: ['infer'],
  });
});

test.each([
  ['not JSON', '{"keys": [', /is not JSON: \w+ at line 1/],
  ['a list', '[]', /the file: /],
  [
    'a key itself in place of its hash',
    { name: 'a', sha256: 'secret' },
    /keys\.0\.sha256: must be the SHA-256/,
  ],
  ['a name with blanks', { name: 'a b', sha256: HASH }, /keys\.0\.name: must be 1 to 64/],
  ['a limit of 0', { name: 'a', sha256: HASH, requestsPerMinute: 0 }, /requestsPerMinute/],
  ['a member that is not known', { name: 'a', sha256: HASH, rate: 1 }, /"rate"/],
  ['no model', { name: 'a', sha256: HASH, models: [] }, /must name a model/],
  ['a scope that there is not', { name: 'a', sha256: HASH, scopes: ['root'] }, /scopes/],
])('%s is refused, and the message does not repeat what may be secret', (_what, given, message) => {
  const text = typeof given === 'string' ? given : JSON.stringify({ keys: [given] });

  expect(() => parseKeyFile(text)).toThrow(message);
  expect(() => parseKeyFile(text)).not.toThrow(/secret/);
});

test('two keys of one name, and one key under two names, are refused', () => {
  expect(() => {
    requireDistinct(keySpecs(keyEntry('a'), { name: 'a', sha256: HASH }));
  }).toThrow('two keys have the name "a"');
  expect(() => {
    requireDistinct(keySpecs(keyEntry('a'), { ...keyEntry('a'), name: 'b' }));
  }).toThrow('the keys "a" and "b" are the same key');
});
