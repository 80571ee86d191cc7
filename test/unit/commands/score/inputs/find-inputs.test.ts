import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';

import {
  findInputs,
  type InputOptions,
} from '../../../../../src/commands/score/inputs/find-inputs';
import { inputText, type Input } from '../../../../../src/commands/score/inputs/input';
import { listInputs } from '../../../../../src/commands/score/inputs/list-inputs';
import { readInput } from '../../../../../src/commands/score/inputs/read-input';
import { removeFolder } from '../../../../support/service';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'inputs-'));
});
afterEach(() => removeFolder(folder));

async function put(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), name);
  }
}

async function all(inputs: AsyncIterable<Input>): Promise<Input[]> {
  const found: Input[] = [];
  for await (const input of inputs) found.push(input);
  return found;
}

async function names(options: Partial<InputOptions> = {}): Promise<string[]> {
  const inputs = await all(
    findInputs({ paths: [folder], list: undefined, allFiles: false, ...options }),
  );
  return inputs.map((input) => inputText(input).path).sort();
}

test('images of a folder and those below, by their names', async () => {
  await put('a.jpg', 'B.PNG', 'deep/er/c.webp', 'notes.txt', '.hidden.jpg', '.git/d.jpg', 'x.heic');

  expect(await names()).toEqual(['B.PNG', 'a.jpg', 'deep/er/c.webp', 'x.heic']);
});

test('with --all-files everything', async () => {
  await put('a.jpg', 'notes.txt', '.hidden.jpg', '.git/d');

  expect(await names({ allFiles: true })).toEqual(['.git/d', '.hidden.jpg', 'a.jpg', 'notes.txt']);
});

test('a file is itself, a pattern finds what it matches', async () => {
  await put('a.jpg', 'deep/b.jpg', 'deep/c.png');

  expect(await names({ paths: [path.join(folder, 'a.jpg')] })).toEqual(['a.jpg']);
  expect(await names({ paths: [path.join(folder, '**/*.jpg')] })).toEqual(['a.jpg', 'deep/b.jpg']);
  expect(await names({ paths: [path.join(folder, 'deep/*')] })).toEqual(['b.jpg', 'c.png']);
});

test('a path that is not there is told before anything is scored', async () => {
  await put('a.jpg');
  const inputs = findInputs({
    paths: [folder, path.join(folder, 'nothing')],
    list: undefined,
    allFiles: false,
  });

  await expect(inputs.next()).rejects.toThrow(/There is no file or folder ".*nothing"/);
});

test('links are followed; a loop is skipped and told', async () => {
  await put('real/a.jpg');
  await symlink('..', path.join(folder, 'real/up'));
  await symlink('real', path.join(folder, 'again'));
  const loops: string[] = [];

  const found = await names({ onLoop: (loop) => loops.push(loop.toString()) });

  expect(found).toEqual(['again/a.jpg', 'real/a.jpg']);
  expect(loops.sort()).toEqual(['again/up', 'real/up']);
});

test('a link that leads nowhere is an input with a problem', async () => {
  await symlink('nowhere', path.join(folder, 'a.jpg'));

  const [input] = await all(findInputs({ paths: [folder], list: undefined, allFiles: false }));

  expect(input?.problem?.code).toBe('NOT_FOUND');
});

test('odd names are found and can be opened', async () => {
  const odd = [Buffer.from('new\nline.jpg'), Buffer.from([0xff, 0xfe, 0x2e, 0x6a, 0x70, 0x67])];
  odd.push(Buffer.concat([Buffer.alloc(251, 0x61), Buffer.from('.jpg')]));
  for (const name of odd) {
    await writeFile(Buffer.concat([Buffer.from(`${folder}/`), name]), 'bytes');
  }

  const found = await all(findInputs({ paths: [folder], list: undefined, allFiles: false }));

  expect(new Set(found.map((input) => input.path.toString('hex')))).toEqual(
    new Set(odd.map((name) => name.toString('hex'))),
  );
  for (const input of found) {
    const { bytes } = await readInput(input, { maxBytes: 100, hash: false });
    expect(bytes.toString()).toBe('bytes');
  }
});

describe('lists', () => {
  test.each([
    ['lines', 'a.jpg\n./b.jpg\n/c.jpg\n'],
    ['lines without an end', 'a.jpg\nb.jpg\n/c.jpg'],
    ['lines as Windows writes them', 'a.jpg\r\nb.jpg\r\n\r\n/c.jpg\r\n'],
    ['NUL', 'a.jpg\0b.jpg\0/c.jpg\0'],
  ])('%s', async (_what, text) => {
    const whole = await all(listInputs(Readable.from([Buffer.from(text)])));
    const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
    const pieces = text.includes('\0') ? whole : await all(listInputs(Readable.from(bytes)));

    for (const found of [whole, pieces]) {
      expect(found.map(inputText)).toEqual([
        { root: '.', path: 'a.jpg' },
        { root: '.', path: 'b.jpg' },
        { root: '/', path: 'c.jpg' },
      ]);
    }
  });

  test('names in a list of NULs may hold newlines', async () => {
    const found = await all(listInputs(Readable.from([Buffer.from('a\nb.jpg\0c.jpg\0')])));

    expect(found.map((input) => inputText(input).path)).toEqual(['a\nb.jpg', 'c.jpg']);
  });
});

describe('reading a file', () => {
  const read = async (name: string, maxBytes = 100): Promise<unknown> => {
    const input = {
      root: folder,
      path: Buffer.from(name),
      file: Buffer.from(path.join(folder, name)),
    };
    return readInput(input, { maxBytes, hash: true });
  };

  test('its bytes, size, time and hash', async () => {
    await put('a');

    expect(await read('a')).toMatchObject({
      bytes: Buffer.from('a'),
      facts: {
        size: 1,
        hash: 'sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
      },
    });
  });

  test('what is gone, too large, or no file, is told so', async () => {
    await put('large', 'folder/x');
    execFileSync('mkfifo', [path.join(folder, 'pipe')]);

    await expect(read('gone')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(read('large', 4)).rejects.toMatchObject({
      code: 'FILE_TOO_LARGE',
      message: 'The file has 5 bytes; 4 are allowed',
      facts: { size: 5 },
    });
    await expect(read('folder')).rejects.toMatchObject({ code: 'NOT_A_FILE' });
    await expect(read('pipe')).rejects.toMatchObject({ code: 'NOT_A_FILE' });
  });

  test('what is not as long as it says, twice, is told so', async () => {
    // Files of /proc say that they are empty.
    const file = Buffer.from('/proc/self/status');
    const input = { root: '/proc', path: Buffer.from('self/status'), file };

    await expect(readInput(input, { maxBytes: 1e6, hash: false })).rejects.toMatchObject({
      code: 'FILE_CHANGED',
    });
  });
});
