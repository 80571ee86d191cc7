import { readFileSync } from 'node:fs';
import path from 'node:path';

import { EXIT_CODES } from '../../src/commands/exit-codes';

const document = readFileSync(path.resolve(__dirname, '../../docs/folder-scoring.md'), 'utf8');

test('docs/folder-scoring.md lists every exit code, and no other', () => {
  const [, section = ''] = document.split('## Exit codes');
  const listed = [...(section.split('## ')[0] ?? '').matchAll(/^\| (\d+) /gm)].map(([, code]) =>
    Number(code),
  );

  expect(listed).toEqual(Object.values(EXIT_CODES));
});
