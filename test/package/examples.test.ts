import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ROOT } from '../support/markdown';
import { runProgram } from '../support/run-program';
import { photo, removeFolder } from '../support/service';

const COFFEE = readFileSync(photo('coffee.jpg'));

let folder: string;
let program: ChildProcess | undefined;

/** The example as somebody has it who has installed its packages. */
async function install(name: string, packages: readonly string[]): Promise<string> {
  const project = path.join(folder, name);
  await cp(path.join(ROOT, 'examples', name), project, { recursive: true });
  const modules = path.join(project, 'node_modules');
  await mkdir(path.join(modules, '@types'), { recursive: true });
  await symlink(ROOT, path.join(modules, 'tfjs-serving'));
  for (const one of packages) {
    await symlink(path.join(ROOT, 'node_modules', one), path.join(modules, one));
  }
  return project;
}

/** Starts its server; resolves with the address that it says. */
function start(project: string): Promise<string> {
  const child = spawn(process.execPath, ['server.js'], {
    cwd: project,
    env: {
      ...process.env,
      PORT: '0',
      MODELS: path.join(ROOT, 'saved_models'),
      KEY: 'open sesame',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  program = child;
  let output = '';
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const url = /^ready: (\S+)$/m.exec(output)?.[1];
        if (url !== undefined) resolve(url);
      });
    }
    child.once('exit', () => {
      reject(new Error(`it ended:\n${output}`));
    });
  });
}

async function jsonOf(answer: Promise<Response>): Promise<any> {
  return (await answer).json();
}

function post(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', body: COFFEE, headers });
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'examples-'));
});
afterAll(() => removeFolder(folder));
afterEach(async () => {
  const child = program;
  if (child === undefined || child.exitCode !== null) return;
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  // Its models are unloaded, and nothing is left to wait for.
  expect(await ended).toBe(0);
});

test('CommonJS: the router, and a route that uses a model itself', async () => {
  const url = await start(await install('express-commonjs', ['express']));

  const answer = await jsonOf(post(`${url}/ml/models/efficientnet-lite0/classify`));
  expect(answer.results[0].predictions[0].label).toBe('espresso');
  expect(await jsonOf(post(`${url}/is-it/espresso`))).toEqual({ yes: true });
  expect(await jsonOf(post(`${url}/is-it/cat`))).toEqual({ yes: false });
  const refused = await fetch(`${url}/is-it/cat`, { method: 'POST', body: 'no image' });
  expect(await jsonOf(Promise.resolve(refused))).toMatchObject({
    code: 'UNSUPPORTED_IMAGE_FORMAT',
  });
});

test('TypeScript: it compiles with the types of the package, and its hooks run', async () => {
  const packages = ['express', 'sharp', '@types/express', '@types/node', 'typescript'];
  const project = await install('express-typescript', packages);
  const compiler = path.join(project, 'node_modules/typescript/bin/tsc');
  const compiled = await runProgram(process.execPath, [compiler], { cwd: project });
  expect(compiled).toEqual({ code: 0, output: '' });

  const url = await start(project);

  const address = `${url}/ml/models/efficientnet-lite0/classify?top=1`;
  expect((await post(address)).status).toBe(401);
  const [result] = (await jsonOf(post(address, { 'X-Api-Key': 'open sesame' }))).results;
  expect(result.predictions[0].label).toBe('espresso');
  expect(result.margin).toBeGreaterThan(0);
});

test('browser: its page gets the client, which talks to its server', async () => {
  const url = await start(await install('browser', ['express']));

  const page = await (await fetch(url)).text();
  const [, module = ''] = /from '(\/client\.mjs)'/.exec(page) ?? [];
  const served = await fetch(`${url}${module}`);
  expect(served.headers.get('content-type')).toMatch('text/javascript');
  // In another program: the file as it was served, with the address that the page has.
  const script = path.join(folder, 'page.mjs');
  await writeFile(path.join(folder, 'client.mjs'), await served.text());
  await writeFile(
    script,
    `import { ServingClient } from './client.mjs';
import { readFileSync } from 'node:fs';
const client = new ServingClient(new URL('/ml', ${JSON.stringify(url)}));
const image = new Blob([readFileSync(${JSON.stringify(photo('coffee.jpg'))})]);
const { predictions } = await client.classify(image, { model: 'efficientnet-lite0' });
console.log(predictions[0].label);`,
  );
  expect(await runProgram(process.execPath, [script])).toEqual({ code: 0, output: 'espresso\n' });
});
