import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { pino } from 'pino';

import { configSchema, type Config } from '../../src/config/schema';
import { openNetwork, type Network } from '../../src/network';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics';
import { keyEntry, secretOf } from '../support/keys';

let folder: string;
let file: string;
let metrics: Metrics;
let lines: Record<string, any>[];
let network: Network | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'network-'));
  file = path.join(folder, 'keys.json');
  metrics = createMetrics();
  lines = [];
});
afterEach(() => {
  network?.close();
  metrics.close();
  rmSync(folder, { recursive: true });
});

function open(options: Partial<Config>): Network {
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  network = openNetwork(configSchema.parse(options), logger, metrics);
  return network;
}

function write(...keys: readonly object[]): void {
  writeFileSync(file, JSON.stringify({ keys }));
}

const said = (level: number): string[] =>
  lines.filter((line) => line.level === level).map((line) => String(line.msg));
const ERROR = 50;
const WARN = 40;

describe('keys of a file', () => {
  test('are read again when it changes', async () => {
    write(keyEntry('a'));
    const { keys, refresh } = open({ apiKeysFile: file });

    write(keyEntry('b'));
    await refresh();

    expect([keys?.find(secretOf('a')), keys?.find(secretOf('b'))?.name]).toEqual([undefined, 'b']);
    expect(lines.at(-1)).toMatchObject({ msg: 'API keys read again', keys: ['b'] });
  });

  test.each([
    [
      'is not JSON',
      () => {
        writeFileSync(file, '{');
      },
    ],
    [
      'has two keys of a name',
      () => {
        write(keyEntry('a'), { ...keyEntry('b'), name: 'a' });
      },
    ],
    [
      'is gone',
      () => {
        rmSync(file);
      },
    ],
  ])('stay in use while it %s, which is logged once', async (_what, spoil) => {
    write(keyEntry('a'));
    const { keys, refresh } = open({ apiKeysFile: file });

    spoil();
    await refresh();
    await refresh();

    expect(keys?.find(secretOf('a'))?.name).toBe('a');
    expect(said(ERROR)).toEqual(['API keys not read again: the old ones go on']);
    write(keyEntry('b'));
    await refresh();
    expect(keys?.names).toEqual(['b']);
  });

  test('are beside those of the option', async () => {
    write(keyEntry('a'));
    const { sha256 } = keyEntry('b') as { sha256: string };
    const { keys, refresh } = open({ apiKeysFile: file, apiKeys: [`b:${sha256}`] });
    expect(keys?.names).toEqual(['b', 'a']);

    write();
    await refresh();

    expect(keys?.names).toEqual(['b']);
  });

  test('a file without a key lets nobody in, rather than everybody', () => {
    write();

    const { keys } = open({ apiKeysFile: file });

    expect(keys?.names).toEqual([]);
  });

  test('that cannot be read at the start end it, with its name', () => {
    expect(() => open({ apiKeysFile: file })).toThrow(`apiKeysFile ${file}: ENOENT`);
  });
});

describe('a warning', () => {
  test('names the options where everybody can reach the server', () => {
    open({ host: '0.0.0.0' });

    expect(said(WARN)).toHaveLength(1);
    for (const option of ['apiKeys', 'apiKeysFile', 'tlsCert', 'tlsKey', 'tlsClientCa']) {
      expect(said(WARN)[0]).toContain(option);
    }
  });

  test.each(['127.0.0.1', 'localhost', '::1'])('is not given on %s', (host) => {
    open({ host });

    expect(said(WARN)).toEqual([]);
  });

  test('says what is left to do where there are keys', () => {
    write(keyEntry('a'));
    open({ host: '0.0.0.0', apiKeysFile: file });

    expect(said(WARN)).toEqual([
      expect.stringMatching(/^open to the network: what is sent can be read/),
    ]);
  });
});

test('the command of docs/security.md makes a key and its hash', () => {
  const document = readFileSync(path.resolve(__dirname, '../../docs/security.md'), 'utf8');
  const [, command = ''] = /```sh\n(node -e [^\n]+)\n```/.exec(document) ?? [];

  const made = JSON.parse(execFileSync('bash', ['-c', command], { encoding: 'utf8' })) as {
    key: string;
    sha256: string;
  };

  writeFileSync(file, JSON.stringify({ keys: [{ name: 'made', sha256: made.sha256 }] }));
  expect(open({ apiKeysFile: file }).keys?.find(made.key)?.name).toBe('made');
  expect(made.key.length).toBeGreaterThanOrEqual(43);
});
