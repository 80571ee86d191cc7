import { mkdtempSync, rmSync, symlinkSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { watchFiles } from '../../../src/process/watch-files';

test('it notices by itself, also a link that leads elsewhere, and each failure once', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'watch-'));
  const file = path.join(folder, 'data');
  writeFileSync(path.join(folder, '1'), 'one');
  writeFileSync(path.join(folder, '2'), 'two');
  symlinkSync('1', file);
  const errors: string[] = [];
  const seen: string[] = [];
  let notify: () => void = () => undefined;
  const files = watchFiles([file], {
    known: ['one'],
    onChange: ([text = '']) => {
      if (text === 'bad') throw new Error('that is bad');
      seen.push(text);
      notify();
    },
    onError: ({ message }) => errors.push(message),
    intervalMs: 10,
  });
  try {
    const noticed = new Promise<void>((resolve) => (notify = resolve));
    symlinkSync('2', path.join(folder, 'next'));
    renameSync(path.join(folder, 'next'), file);
    await noticed;

    writeFileSync(file, 'bad');
    await files.check();
    await files.check();
    writeFileSync(file, 'two');
    await files.check();
    writeFileSync(file, 'bad');
    await files.check();

    expect(seen).toEqual(['two']);
    expect(errors).toEqual(['that is bad', 'that is bad']);
  } finally {
    files.close();
    rmSync(folder, { recursive: true });
  }
});
