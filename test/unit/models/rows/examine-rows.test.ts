import { rowDifference } from '../../../../src/models/rows/compare-rows';
import { examineRows } from '../../../../src/models/rows/examine-rows';
import { isByteStrings, type Signature, type Tensor } from '../../../../src/kernel/tensor';
import { floats, numbersOf, strings } from '../../../support/tensors';

const WIDTH = 4;

/** One input of any rows, one output. */
function signature(output: readonly number[] = [-1, WIDTH]): Signature {
  const tensor = (name: string, shape: readonly number[]) => ({
    name,
    dtype: 'float32' as const,
    tfDtype: 'DT_FLOAT',
    shape,
    node: `${name}:0`,
  });
  return { inputs: [tensor('x', [-1, WIDTH])], outputs: [tensor('y', output)], methodName: '' };
}

/** A model in JavaScript: what it does with the rows that it is given. */
function examine(
  answer: (rows: readonly (readonly number[])[]) => readonly (readonly number[])[],
  of = signature(),
) {
  const run = (_name: string, [x]: readonly Tensor[]): Tensor[] => {
    const values = numbersOf(x);
    const rows = Array.from({ length: x?.shape[0] ?? 0 }, (_, row) =>
      values.slice(row * WIDTH, (row + 1) * WIDTH),
    );
    const answered = answer(rows);
    return [floats('y', [answered.length, answered[0]?.length ?? 0], answered.flat())];
  };
  return examineRows({ run }, 'serving_default', of);
}

const sum = (row: readonly number[]): number => row.reduce((total, value) => total + value, 0);
const mean = (rows: readonly (readonly number[])[]): number =>
  sum(rows.map(sum)) / (rows.length * WIDTH);

test.each<[string, Parameters<typeof examine>[0]]>([
  ['a number for each', (rows) => rows.map((row) => row.map((value) => 2 * value + 1))],
  [
    'a softmax within each',
    (rows) => rows.map((row) => row.map((value) => Math.exp(value) / sum(row.map(Math.exp)))),
  ],
  [
    'rounding that depends on the number of rows',
    (rows) => rows.map((row) => row.map((value) => value * (1 + 1e-5 * rows.length))),
  ],
])('rows are independent where the model computes %s', (_, answer) => {
  expect(examine(answer)).toEqual({ independent: true, reason: undefined });
});

test.each<[string, Parameters<typeof examine>[0]]>([
  [
    'a softmax over candidates',
    (rows) => {
      const total = sum(rows.map((row) => Math.exp(row[0] ?? 0)));
      return rows.map((row) => [Math.exp(row[0] ?? 0) / total]);
    },
  ],
  ['batch statistics', (rows) => rows.map((row) => row.map((value) => value - mean(rows)))],
  [
    'a cumulative sum',
    (rows) => {
      let total = 0;
      return rows.map((row) => [(total += sum(row))]);
    },
  ],
  [
    'a branch on the mean',
    (rows) => rows.map((row) => row.map((value) => (mean(rows) > 0 ? value : -value))),
  ],
  ['the largest of all', (rows) => rows.map(() => [Math.max(...rows.flat())])],
  [
    'places in an order',
    (rows) => rows.map((row) => [rows.filter((other) => sum(other) < sum(row)).length]),
  ],
  ['the number of rows', (rows) => rows.map(() => [rows.length])],
  ['the row before', (rows) => rows.map((_row, index) => [...(rows[index - 1] ?? [0, 0, 0, 0])])],
])('rows belong together where the model computes %s', (_, answer) => {
  expect(examine(answer)).toEqual({
    independent: false,
    reason: expect.stringMatching(
      /^output "y" differs in \d+ of \d+ elements when rows run together$/,
    ),
  });
});

test('so they do where other rows come out than went in', () => {
  expect(examine((rows) => rows.filter((row) => sum(row) > 0))).toMatchObject({
    independent: false,
  });
  expect(examine((rows) => [rows.flat()])).toEqual({
    independent: false,
    reason: 'output "y" has 1 rows for 3 rows of input',
  });
});

test('so they do where answers vary from run to run: nothing can be shown', () => {
  let runs = 0;
  const verdict = examine((rows) => rows.map((row) => row.map((value) => value + (runs += 1))));

  expect(verdict).toEqual({ independent: false, reason: 'its answers vary from run to run' });
});

test('so they do where no made-up input is taken', () => {
  const run = (): Tensor[] => {
    throw new Error('indices[0] = 7 is not in [0, 3)\nat node Gather');
  };

  expect(examineRows({ run }, 'serving_default', signature())).toEqual({
    independent: false,
    reason: 'it cannot be run on random inputs: indices[0] = 7 is not in [0, 3)',
  });
});

test('a signature whose first dimension is not open needs no run', () => {
  expect(examine(() => [], signature([1, WIDTH]))).toEqual({
    independent: false,
    reason: 'its first dimension is not open',
  });
});

describe('two answers for a row', () => {
  const row = (values: readonly number[]): Tensor => floats('y', [1, values.length], values);

  test('differ by shape, by number, by text', () => {
    expect(rowDifference(row([1]), row([1, 2]))).toBe(
      'has shape [1, 2] among others and [1, 1] alone',
    );
    expect(rowDifference(row([1]), row([1.5]))).toBe('differs in 1 of 1 elements');
    expect(rowDifference(row([NaN]), row([1]))).toBe('differs in 1 of 1 elements');
    const text = (value: string): Tensor => ({
      name: 't',
      dtype: 'string',
      shape: [1],
      data: strings(value),
    });
    expect(isByteStrings(text('a').data)).toBe(true);
    expect(rowDifference(text('a'), text('b'))).toBe('differs in 1 of 1 elements');
    expect(rowDifference(text('a'), text('a'))).toBeUndefined();
  });

  test('are equal within what half precision rounds, and where near ties changed places', () => {
    expect(rowDifference(row([100, 0.4]), row([100.5, -0.4]))).toBeUndefined();
    expect(rowDifference(row([NaN, Infinity]), row([NaN, Infinity]))).toBeUndefined();
    const ranks = Array.from({ length: 100 }, (_, i) => i);
    const swapped = ranks.map((rank) => (rank === 40 ? 80 : rank === 80 ? 40 : rank));
    expect(rowDifference(row(ranks), row(swapped))).toBeUndefined();
  });
});
