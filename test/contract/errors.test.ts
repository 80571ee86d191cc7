import { ERROR_CODES } from '../../src/kernel/errors';
import { codeRows, readDocument, uncode } from '../support/markdown';

const rows = codeRows(readDocument('docs/errors.md')).map(([code, status, retriable, meaning]) => ({
  code: uncode(code),
  status: Number(status),
  retriable: retriable === 'yes',
  meaning,
}));

test('docs/errors.md lists every code once, and no other', () => {
  expect(rows.map(({ code }) => code).sort()).toEqual(Object.keys(ERROR_CODES).sort());
});

test.each(Object.entries(ERROR_CODES))(
  'docs/errors.md has the status and the retriable flag of %s, and a meaning',
  (code, { status, retriable }) => {
    const row = rows.find((candidate) => candidate.code === code);

    expect(row).toMatchObject({ status, retriable });
    expect(row?.meaning).not.toBe('');
  },
);
