import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ConfigError, loadConfig } from '../../../src/config/load';
import { configSchema } from '../../../src/config/schema';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'config-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function configFile(content: unknown): string {
  const file = path.join(folder, 'config.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function load(args: readonly string[] = [], env: Record<string, string | undefined> = {}) {
  return loadConfig({ args, env });
}

function problemsOf(...given: Parameters<typeof load>): readonly string[] {
  try {
    load(...given);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.problems;
    throw thrown;
  }
  return [];
}

test('nothing given means the defaults', () => {
  expect(load()).toEqual(configSchema.parse({}));
});

describe('precedence', () => {
  const file = { port: 1, maxFiles: 1, maxPixels: 1, logLevel: 'warn' };
  const env = { PORT: '2', TFJS_SERVING_MAX_FILES: '2' };

  test('flags win over the environment, that over the file, that over defaults', () => {
    const config = load(['--config', configFile(file), '--port', '3'], env);

    expect(config).toMatchObject({ port: 3, maxFiles: 2, maxPixels: 1, logLevel: 'warn' });
    expect(config.host).toBe('127.0.0.1');
  });

  test('the file can be named in the environment', () => {
    expect(load([], { TFJS_SERVING_CONFIG: configFile({ port: 1 }) }).port).toBe(1);
  });

  test('the file of the flag wins over that of the environment', () => {
    const config = load(['--config', configFile({ port: 1 })], {
      TFJS_SERVING_CONFIG: path.join(folder, 'nowhere.json'),
    });

    expect(config.port).toBe(1);
  });

  test('a value that is overridden does no harm', () => {
    expect(load(['--port', '3'], { PORT: 'http' }).port).toBe(3);
  });

  test('an empty variable counts as not set', () => {
    expect(load([], { PORT: '', HOST: undefined })).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
    });
  });
});

test('HOST and PORT are read, and what Kubernetes sets for a service of that name is not', () => {
  const config = load([], {
    HOST: '0.0.0.0',
    PORT: '9000',
    TFJS_SERVING_PORT: 'tcp://10.0.0.1:8080',
  });

  expect(config).toMatchObject({ host: '0.0.0.0', port: 9000 });
});

test.each<[string, boolean]>([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['ON', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['Off', false],
])('%j is the boolean %p', (text, value) => {
  expect(load(['--apply-icc', text]).applyIcc).toBe(value);
  expect(load([], { TFJS_SERVING_APPLY_ICC: text }).applyIcc).toBe(value);
});

test.each<[string, readonly string[]]>([
  ['resnet', ['resnet']],
  ['resnet,esrgan', ['resnet', 'esrgan']],
  [' resnet , esrgan ,', ['resnet', 'esrgan']],
])('%j is the list %j', (text, models) => {
  expect(load(['--models', text]).models).toEqual(models);
  expect(load([], { TFJS_SERVING_MODELS: text }).models).toEqual(models);
});

test('a file has lists, numbers and booleans as JSON has them', () => {
  const content = { models: ['a', 'b'], port: 0, applyIcc: true, gpus: ['1'] };

  expect(load(['--config', configFile(content)])).toMatchObject(content);
});

test('a flag takes its value after an equals sign as well', () => {
  expect(load(['--port=0', '--log-level=debug'])).toMatchObject({ port: 0, logLevel: 'debug' });
});

describe('problems', () => {
  test('of flags, environment and file are told at once, each with where it came from', () => {
    const file = configFile({ maxFiles: 0, maxBatchsize: 8, logLevel: 'warn' });

    const problems = problemsOf(['--config', file, '--port', '65536', '--verbose'], {
      TFJS_SERVING_APPLY_ICC: 'maybe',
    });

    expect(problems).toHaveLength(5);
    expect(problems).toEqual(
      expect.arrayContaining([
        'unknown argument "--verbose"; see --help',
        expect.stringMatching(/^--port: .*65535.*, given 65536$/),
        expect.stringMatching(/^TFJS_SERVING_APPLY_ICC: .*boolean.*, given "maybe"$/),
        expect.stringContaining(`${file}: maxFiles: `),
        `unknown option "maxBatchsize" in ${file}`,
      ]),
    );
  });

  test('are all in the message', () => {
    expect(() => load(['--port', 'x', '--max-files', '0'])).toThrow(
      /^The configuration is not usable:\n {2}- --port: .*\n {2}- --max-files: /,
    );
  });

  test('of every unknown flag and argument are told, and known flags beside them hold', () => {
    expect(problemsOf(['serve', '--prot', '8080', '--port', 'x', '-z'])).toEqual([
      'unknown argument "serve"; see --help',
      'unknown argument "--prot"; see --help',
      'unknown argument "8080"; see --help',
      'unknown argument "-z"; see --help',
      expect.stringMatching(/^--port: /),
    ]);
  });

  test.each(['http', ' ', '65536', 'NaN', '80 80', '8080.5'])('%j is no port', (text) => {
    expect(problemsOf([], { PORT: text })).toEqual([expect.stringMatching(/^PORT: /)]);
  });

  test.each([
    ['{', 'JSON'],
    ['[1]', 'must hold a JSON object of options'],
    ['null', 'must hold a JSON object of options'],
    ['7', 'must hold a JSON object of options'],
  ])('a file that holds %j is one', (content, problem) => {
    const file = configFile(content);

    expect(problemsOf(['--config', file])).toEqual([expect.stringContaining(problem)]);
  });

  test.each([
    ['a flag', ['--admin-token', 'hunter2'], {}],
    ['the environment', [], { TFJS_SERVING_ADMIN_TOKEN: 'hunter2' }],
  ])('of the token from %s do not tell it', (_from, args, env) => {
    const problems = problemsOf(args, env);

    expect(problems).toEqual([expect.stringContaining('at least 16 characters')]);
    expect(problems.join()).not.toContain('hunter2');
  });

  test('a file that is not JSON is told by the place, without its text', () => {
    const problems = problemsOf(['--config', configFile('{"adminToken":"0123456789abcdef"x}')]);

    expect(problems).toEqual([
      expect.stringMatching(/config\.json: is not JSON: .* at line 1, column 33/),
    ]);
    expect(problems.join()).not.toContain('0123456789abcdef');
  });

  test('a file that is not there is one', () => {
    const file = path.join(folder, 'nowhere.json');

    expect(problemsOf(['--config', file])).toEqual([
      expect.stringMatching(/nowhere\.json: ENOENT/),
    ]);
  });

  test('an element of a list is told with its option', () => {
    expect(problemsOf(['--gpus', '0,cuda'])).toEqual([
      '--gpus: must be an index or a GPU/MIG id, given ["0","cuda"]',
    ]);
  });
});
