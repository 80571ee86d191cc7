import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ROOT } from '../support/markdown';
import { runProgram, type Ended } from '../support/run-program';
import { removeFolder } from '../support/service';

const BIN = path.join(ROOT, 'bin/tfjs-serving.js');
const COMMANDS = [
  'serve',
  'setup',
  'doctor',
  'score',
  'report',
  'merge',
  'tune',
  'convert',
  'import',
];

function run(...args: readonly string[]): Promise<Ended> {
  return runProgram(process.execPath, [BIN, ...args], { env: { TFJS_SERVING_SKIP_SETUP: '1' } });
}

test('the help names every command', async () => {
  const { code, output } = await run('--help');

  expect(code).toBe(0);
  const named = [...output.matchAll(/^ {2}(\w+) +[A-Z]/gm)].map(([, name]) => name);
  expect(named).toEqual(COMMANDS);
});

test.each(COMMANDS)('%s --help shows its own name and examples', async (command) => {
  const { code, output } = await run(command, '--help');

  expect(output).toContain(`Usage: tfjs-serving ${command}`);
  expect(output).toMatch(/\nExamples:\n {2}# [^\n]*\n {2}.*tfjs-serving/);
  expect(code).toBe(0);
});

test('options alone are those of serve', async () => {
  const { code, output } = await run('--prot', '9000');

  expect(output).toContain('unknown argument "--prot"');
  expect(code).toBe(1);
});

test.each([
  ['srve', 'Did you mean "serve"?'],
  ['convret', 'Did you mean "convert"?'],
  ['reprot', 'Did you mean "report"?'],
])('the unknown command %s names the known ones and the nearest', async (name, nearest) => {
  const { code, output } = await run(name);

  expect(output).toContain(`Unknown command "${name}". ${nearest}`);
  expect(output).toContain(`Commands: ${COMMANDS.join(', ')}.`);
  expect(code).toBe(2);
});

test('a word that is like no command is not mistaken for one', async () => {
  const { output } = await run('qqqqqq');

  expect(output).toMatch(/^Unknown command "qqqqqq".\n/);
});

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

  expect(await run('--version')).toEqual({ code: 0, output: `${version}\n` });
});

describe('a Node that is too old', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'old-node-'));
  });
  afterEach(() => removeFolder(folder));

  test.each(COMMANDS)('is refused by %s', async (command) => {
    const pretend = path.join(folder, 'old.js');
    await writeFile(
      pretend,
      'Object.defineProperty(process, "versions", { value: { node: "18.20.8" } });',
    );

    const { code, output } = await runProgram(process.execPath, ['-r', pretend, BIN, command]);

    expect(output).toBe(
      'tfjs-serving needs Node 20 or newer, and this is Node 18.20.8.\n' +
        'Install Node 20, 22 or 24, for example with: nvm install 22\n',
    );
    expect(code).toBe(1);
  });

  test('can read the file that refuses it', () => {
    const fromEslint = createRequire(createRequire(__filename).resolve('eslint'));
    const { parse } = fromEslint('espree') as {
      parse: (code: string, options: object) => { type: string };
    };
    const source = readFileSync(BIN, 'utf8');

    const program = parse(source.replace(/^#!.*/, ''), { ecmaVersion: 5 });

    expect(program.type).toBe('Program');
  });
});

test('the npm scripts are other names of the commands', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

  for (const command of COMMANDS) {
    const alias = scripts[command === 'serve' ? 'start' : command] as string;
    expect(alias.replace(/^exec /, '')).toBe(`node bin/tfjs-serving.js ${command}`);
  }
});
