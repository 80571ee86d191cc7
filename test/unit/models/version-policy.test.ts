import { DEFAULT_VERSION_POLICY, selectVersions } from '../../../src/models/version-policy';

test('the newest version alone is served by default', () => {
  expect(selectVersions([1, 10, 2], DEFAULT_VERSION_POLICY)).toEqual([10]);
});

test('the newest versions are served in ascending order', () => {
  expect(selectVersions([3, 1, 10, 2], { latest: 2 })).toEqual([3, 10]);
});

test('fewer versions than asked for are all served', () => {
  expect(selectVersions([2, 1], { latest: 5 })).toEqual([1, 2]);
});

test('named versions are served as far as they are there', () => {
  expect(selectVersions([1, 2, 3], { specific: [3, 7, 1] })).toEqual([1, 3]);
});

test('all versions are served once each', () => {
  expect(selectVersions([10, 9, 9, 1], 'all')).toEqual([1, 9, 10]);
});

test('no versions means none to serve', () => {
  expect(selectVersions([], { latest: 1 })).toEqual([]);
});
