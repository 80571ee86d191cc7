import { median, percentile, spread } from '../../../bench/statistics';
import { figure, markdownTable } from '../../../bench/table';

test('the median of an even number is between the two middle ones', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('a percentile is one of the values', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);

  expect(percentile(values, 50)).toBe(50);
  expect(percentile(values, 99)).toBe(99);
  expect(percentile(values, 100)).toBe(100);
  expect(percentile([7], 1)).toBe(7);
  expect(percentile([], 50)).toBeNaN();
});

test('the spread is how many times the largest is the smallest', () => {
  expect(spread([2, 3, 4])).toBe(2);
  expect(spread([])).toBeNaN();
});

test('figures have three digits, and what was not measured is a dash', () => {
  expect([0.123, 4.567, 45.67, 456.7, undefined, NaN].map(figure)).toEqual([
    '0.12',
    '4.57',
    '45.7',
    '457',
    '–',
    '–',
  ]);
});

test('a table is as wide as its widest cells', () => {
  expect(markdownTable(['Case', 'a'], [['c1', '10.5']])).toBe(
    ['| Case |    a |', '| ---- | ---: |', '| c1   | 10.5 |'].join('\n'),
  );
});
