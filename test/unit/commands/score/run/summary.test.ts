import { summaryObject, summaryText } from '../../../../../src/commands/score/run/summary';
import { StageTimes, Tally } from '../../../../../src/commands/score/run/tally';
import { ODD_ROWS } from '../../../../support/score-rows';

test('counts, classes, errors and stages', () => {
  const tally = new Tally();
  for (const row of ODD_ROWS) {
    tally.add(row, {
      timings: { preprocess: 2, queue: 1, infer: 30, postprocess: 0 },
      batchRows: 4,
    });
  }
  tally.resume(ODD_ROWS[0] ?? fail());
  tally.end();

  const text = summaryText(tally);

  expect(text).toContain('7 inputs: 6 scored, 1 errors');
  expect(text).toContain('6 in this run');
  expect(text).toContain('UNDECODABLE_IMAGE  1');
  expect(text).toMatch(/cat, "tabby".* 2\n/);
  expect(text.indexOf('infer ')).toBeLessThan(text.indexOf('preprocess'));
  expect(summaryObject(tally)).toMatchObject({
    inputs: 7,
    scored: 6,
    errors: { UNDECODABLE_IMAGE: 1 },
    classes: { 'cat, "tabby"': 2, cup: 1, light: 1 },
  });
});

test('a label cannot steer the terminal', () => {
  const tally = new Tally();
  const [row] = ODD_ROWS;
  if (row === undefined || !('predictions' in row)) throw new Error('a row with predictions');
  tally.add({ ...row, predictions: [{ index: 0, label: '\u001b[31mred', score: 1 }] }, {});

  expect(summaryText(tally)).toContain('?[31mred');
});

test('quantiles are a tenth off at most', () => {
  const times = new StageTimes();
  for (let ms = 1; ms <= 1000; ms++) times.add(ms);

  for (const share of [0.5, 0.95, 0.99]) {
    expect(Math.abs(times.quantileMs(share) / (1000 * share) - 1)).toBeLessThan(0.1);
  }
  expect(times.meanMs).toBeCloseTo(500.5);
});

function fail(): never {
  throw new Error('there is a row');
}
