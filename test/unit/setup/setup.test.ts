import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const scripts = path.resolve(__dirname, '../../../scripts');

/** Evaluates an expression over one module of the set-up, which jest cannot import: it is ESM. */
function evaluate(module: string, expression: string, environment: Record<string, string> = {}) {
  const program = `
    const m = await import(${JSON.stringify(path.join(scripts, 'setup', module))});
    let answer;
    try { answer = { value: ${expression} }; }
    catch (error) { answer = { error: error.name + ': ' + error.message, hint: error.hint }; }
    process.stdout.write(JSON.stringify(answer));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: '/home/someone', ...environment },
  });
  return JSON.parse(stdout);
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'setup-test-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the platform', () => {
  test.each([
    ['20.1.0', 'linux', 'x64', 'linux-x64'],
    ['24.21.0', 'linux', 'arm64', 'linux-arm64'],
  ])('Node %s on %s %s is supported', (nodeVersion, os, arch, expected) => {
    const platform = JSON.stringify({ nodeVersion, os, arch });
    expect(evaluate('platform.mjs', `m.checkPlatform(${platform})`).value).toBe(expected);
  });

  test.each([
    ['18.20.8', 'linux', 'x64', /Node 18\.20\.8 is too old/, /Node 20, 22 or 24/],
    ['22.1.0', 'darwin', 'arm64', /Linux only \(this is darwin\)/, /container/],
    ['22.1.0', 'win32', 'x64', /Linux only \(this is win32\)/, /WSL 2/],
    ['22.1.0', 'linux', 'ppc64', /no TensorFlow build for linux ppc64/, /linux x64, linux arm64/],
  ])('Node %s on %s %s is refused with advice', (nodeVersion, os, arch, error, hint) => {
    const platform = JSON.stringify({ nodeVersion, os, arch });
    const answer = evaluate('platform.mjs', `m.checkPlatform(${platform})`);
    expect(answer.error).toMatch(error);
    expect(answer.hint).toMatch(hint);
  });

  test.each([
    ['auto', 'linux-x64', true, 'gpu'],
    ['auto', 'linux-x64', false, 'cpu'],
    ['auto', 'linux-arm64', true, 'cpu'],
    ['cpu', 'linux-x64', true, 'cpu'],
    ['gpu', 'linux-x64', false, 'gpu'],
  ])('variant %s on %s, driver %s: %s', (wanted, platform, driver, expected) => {
    const call = `m.chooseVariant('${wanted}', '${platform}', ${driver})`;
    expect(evaluate('platform.mjs', call).value).toBe(expected);
  });

  test('the GPU variant is refused where there is no build', () => {
    const answer = evaluate('platform.mjs', `m.chooseVariant('gpu', 'linux-arm64', true)`);
    expect(answer.error).toMatch(/no GPU build for linux-arm64/);
  });
});

describe('the options', () => {
  test.each([
    ['the home folder', [], {}, '/home/someone/.cache/tfjs-serving'],
    ['XDG_CACHE_HOME', [], { XDG_CACHE_HOME: '/xdg' }, '/xdg/tfjs-serving'],
    [
      'a relative XDG_CACHE_HOME, ignored',
      [],
      { XDG_CACHE_HOME: 'x' },
      '/home/someone/.cache/tfjs-serving',
    ],
    ['TFJS_SERVING_CACHE', [], { XDG_CACHE_HOME: '/xdg', TFJS_SERVING_CACHE: '/c' }, '/c'],
    ['--cache', ['--cache', '/d'], { TFJS_SERVING_CACHE: '/c' }, '/d'],
  ])('the cache comes from %s', (_name, argv, environment, expected) => {
    const call = `m.readOptions(${JSON.stringify(argv)}, process.env)`;
    expect(evaluate('options.mjs', call, environment as Record<string, string>).value.cache).toBe(
      expected,
    );
  });

  test('an unknown variant names the possible ones', () => {
    const call = `m.readOptions([], { TFJS_SERVING_VARIANT: 'tpu' })`;
    expect(evaluate('options.mjs', call)).toEqual({
      error: 'SetupError: Unknown variant "tpu".',
      hint: 'Use one of auto, cpu, gpu (--variant or TFJS_SERVING_VARIANT)',
    });
  });
});

test('the binding that set-up fetches is the one of package-lock.json', () => {
  const read = (file: string) => JSON.parse(readFileSync(path.join(scripts, '..', file), 'utf8'));
  const { binding, bindingIntegrity } = read('scripts/setup/tensorflow.json');
  const { version, integrity } =
    read('package-lock.json').packages['node_modules/@tensorflow/tfjs-node-gpu'];

  expect({ binding, bindingIntegrity }).toEqual({ binding: version, bindingIntegrity: integrity });
});

test('none of the packages that an installation brings has an install script', () => {
  const { packages } = JSON.parse(readFileSync(path.join(scripts, '../package-lock.json'), 'utf8'));
  const withScript = Object.entries<{ dev?: boolean; hasInstallScript?: boolean }>(packages)
    .filter(([, { dev, hasInstallScript }]) => dev !== true && hasInstallScript === true)
    .map(([name]) => name);

  expect(withScript).toEqual([]);
});

describe('the lock', () => {
  const lockModule = path.join(scripts, 'setup/lock.mjs');

  /** Takes the lock, says so, holds it for a while; answers what was printed. */
  function hold(file: string, milliseconds: number): Promise<string> {
    const program = `
      const { withLock } = await import(${JSON.stringify(lockModule)});
      const say = (text) => process.stdout.write(text + ' ');
      await withLock(${JSON.stringify(file)}, () => say('waits'), async () => {
        say('in@' + Date.now());
        await new Promise((resolve) => setTimeout(resolve, ${milliseconds}));
        say('out@' + Date.now());
      });`;
    return new Promise((resolve) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
      let printed = '';
      child.stdout.on('data', (text: Buffer) => (printed += text.toString()));
      child.on('close', () => {
        resolve(printed);
      });
    });
  }

  const time = (printed: string, name: string) =>
    Number(new RegExp(`${name}@(\\d+)`).exec(printed)![1]);

  test('one holder at a time', async () => {
    const file = path.join(folder, 'a.lock');
    const runs = await Promise.all([hold(file, 200), hold(file, 200), hold(file, 200)]);
    const order = runs.sort((a, b) => time(a, 'in') - time(b, 'in'));
    expect(time(order[1], 'in')).toBeGreaterThanOrEqual(time(order[0], 'out'));
    expect(time(order[2], 'in')).toBeGreaterThanOrEqual(time(order[1], 'out'));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a lock without a heartbeat is taken over, by one', async () => {
    const file = path.join(folder, 'a.lock');
    writeFileSync(file, JSON.stringify({ pid: 1, space: 'another machine', token: 't' }));
    const old = new Date(Date.now() - 60_000);
    utimesSync(file, old, old);
    const [first, second] = (await Promise.all([hold(file, 100), hold(file, 100)])).sort(
      (a, b) => time(a, 'in') - time(b, 'in'),
    );
    expect(time(second, 'in')).toBeGreaterThanOrEqual(time(first, 'out'));
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('the CI summary', () => {
  const summarise = (results: string) => {
    const file = path.join(folder, 'results.json');
    writeFileSync(file, results);
    return spawnSync(process.execPath, [path.join(scripts, 'ci-summary.mjs'), file], {
      encoding: 'utf8',
    });
  };
  const counts = {
    numPassedTests: 7,
    numFailedTests: 0,
    numRuntimeErrorTestSuites: 0,
    numPendingTests: 2,
    numTodoTests: 1,
  };

  test('counts pending and todo as skipped', () => {
    const { stdout, status } = summarise(JSON.stringify(counts));
    expect({ stdout, status }).toEqual({ stdout: '7 passed, 0 failed, 3 skipped\n', status: 0 });
  });

  test('counts a suite that does not load as failed', () => {
    const broken = { ...counts, numRuntimeErrorTestSuites: 1 };
    const { stdout, status } = summarise(JSON.stringify(broken));
    expect({ stdout, status }).toEqual({ stdout: '7 passed, 1 failed, 3 skipped\n', status: 1 });
  });

  test('fails without results', () => {
    expect(summarise('').status).toBe(1);
  });
});
