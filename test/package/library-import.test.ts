import { readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { ROOT } from '../support/markdown';
import { runProgram } from '../support/run-program';
import { removeFolder } from '../support/service';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'importing-'));
  await mkdir(path.join(folder, 'node_modules'));
  await symlink(ROOT, path.join(folder, 'node_modules/tfjs-serving'));
});
afterAll(() => removeFolder(folder));

async function run(name: string, source: string): Promise<string> {
  await writeFile(path.join(folder, name), source);
  const { code, output } = await runProgram(process.execPath, [name], { cwd: folder });
  expect({ code, output }).toEqual({ code: 0, output: expect.any(String) });
  return output;
}

test.each([
  ['main.cjs', "const { createServing, ServingError } = require('tfjs-serving');"],
  ['main.mjs', "import { createServing, ServingError } from 'tfjs-serving';"],
])('%s: an import starts nothing, and the program ends by itself', async (name, line) => {
  const output = await run(
    name,
    `${line}
const left = process.getActiveResourcesInfo().filter((kind) => /Timeout|Immediate|Server|Process|Worker|Port/.test(kind));
console.log(typeof createServing, typeof ServingError, left.join());`,
  );

  expect(output).toBe('function function \n');
});

test('both forms are one and the same', async () => {
  const output = await run(
    'both.mjs',
    `import { createRequire } from 'node:module';
import { ServingError } from 'tfjs-serving';
console.log(createRequire(import.meta.url)('tfjs-serving').ServingError === ServingError);`,
  );

  expect(output).toBe('true\n');
});

test('a service that is not started keeps no program alive', async () => {
  const output = await run(
    'created.mjs',
    "import { createServing } from 'tfjs-serving';\ncreateServing({ modelRepository: '.' });\nconsole.log('end');",
  );

  expect(output).toBe('end\n');
});

describe('the client as an ES module', () => {
  const file = path.join(ROOT, 'dist/client.min.mjs');

  test('is small, and needs nothing else', () => {
    expect(statSync(file).size).toBeLessThan(20_000);
    expect(readFileSync(file, 'utf8')).not.toMatch(/\bimport\b *[({'"*\w]|\brequire\b *\(|node:/);
  });

  test('exports what the CommonJS one does', async () => {
    const output = await run(
      'client.mjs',
      `import * as client from 'tfjs-serving/client';
import { createRequire } from 'node:module';
import.meta.resolve('tfjs-serving/client') === ${JSON.stringify(pathToFileURL(file).href)} || console.log('elsewhere');
const other = createRequire(import.meta.url)('tfjs-serving/client');
console.log(Object.keys(client).sort().join() === Object.keys(other).filter((name) => name !== '__esModule').sort().join());
console.log(Object.keys(client).sort().join());`,
    );

    expect(output).toBe('true\nServingClient,ServingClientError,textOf\n');
  });
});
