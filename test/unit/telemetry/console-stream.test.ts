import { consoleStream } from '../../../src/telemetry/console-stream';
import { LoadWatch } from '../../../src/telemetry/load-watch';
import { logLook } from '../../../src/telemetry/logger';

/** What a terminal shows in the end: a line that begins with an erasure takes the place of the one before. */
function screenOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.split('\r\u001b[K').at(-1) ?? '')
    .filter((line) => line !== '');
}

let written: string;
const stream = () =>
  consoleStream({
    columns: 60,
    write: (text) => {
      written += text;
    },
  });
const line = (msg: string, facts: object = {}, level = 'info') =>
  `${JSON.stringify({ level, time: 'now', ...facts, msg })}\n`;

beforeEach(() => {
  written = '';
  jest.useFakeTimers();
});
afterEach(() => jest.useRealTimers());

test('a start is told in a line for each fact and each model', () => {
  const out = stream();
  const model = { model: 'cats', version: 2 };

  out.write(line('starting', { version: '1.0.0', node: '22.1.0', tensorflow: '2.21.0 (cpu)' }));
  out.write(line('model repository', { path: '/models', shipped: false }));
  out.write(line('device', { device: 'cpu', gpus: [], reason: 'there is no driver' }));
  out.write(line('listening', { url: 'http://127.0.0.1:8080' }));
  out.write(line('model state', { ...model, state: 'LOADING' }));
  out.write(line('optimization', { ...model, state: 'optimized' }));
  const served = { task: 'image-classification', path: '/models/cats/classify', seconds: 3.2 };
  out.write(line('model state', { ...model, state: 'AVAILABLE', ...served }));
  out.write(line('serving', { models: ['cats'], ready: true }));

  expect(screenOf(written)).toEqual([
    'tfjs-serving 1.0.0: Node 22.1.0, TensorFlow 2.21.0 (cpu)',
    'models: /models',
    'device: CPU (there is no driver)',
    '  cats v2  image-classification  ready in 3.2 s  http://127.0.0.1:8080/models/cats/classify',
    'ready: http://127.0.0.1:8080',
  ]);
});

test('what loads is shown with its time, on one line that fits', () => {
  const out = stream();
  for (const model of ['cats', 'dogs-of-a-long-name', 'birds-of-a-long-name']) {
    out.write(line('model state', { model, version: 1, state: 'LOADING' }));
  }

  jest.advanceTimersByTime(3000);

  const [shown = ''] = screenOf(written);
  expect(shown).toMatch(/^ {2}loading cats 3 s, dogs-of-a-long-name 3 s, b/);
  expect(shown).toHaveLength(59);
  out.write(line('model not loaded', { model: 'cats', version: 1, reason: 'no file' }));
  expect(screenOf(written)[0]).toBe('  cats v1  NOT LOADED: no file');
});

test('nothing is drawn any more once nothing loads', () => {
  const out = stream();
  const model = { model: 'cats', version: 1 };
  out.write(line('model state', { ...model, state: 'LOADING' }));
  out.write(line('model state', { ...model, state: 'AVAILABLE' }));
  const before = written;

  jest.advanceTimersByTime(5000);

  expect(written).toBe(before);
});

test.each([
  [
    line('request completed', { req: { method: 'POST', url: '/x' }, res: { status: 404 } }),
    '404 POST /x',
  ],
  [
    line('it hurts', { model: 'cats', err: { message: 'ouch', stack: 'long' } }, 'error'),
    'error: it hurts (model: cats, ouch)',
  ],
  [line('beware', { limit: 4 }, 'warn'), 'warning: beware (limit: 4)'],
])('%s is said shortly', (given, expected) => {
  stream().write(given);

  expect(screenOf(written)).toEqual([expected]);
});

test('a load that takes long is told of until it ends', () => {
  const told: number[] = [];
  const watch = new LoadWatch((_model, _version, seconds) => told.push(seconds));

  watch.reached('cats', 1, 'LOADING');
  jest.advanceTimersByTime(25_000);
  const seconds = watch.reached('cats', 1, 'AVAILABLE');
  jest.advanceTimersByTime(25_000);

  expect(told).toEqual([10, 20]);
  expect(seconds).toBe(25);
});

test.each([
  ['auto', 'info', true, 'console'],
  ['auto', 'debug', true, 'pretty'],
  ['auto', 'info', false, 'json'],
  ['json', 'info', true, 'json'],
  ['pretty', 'info', false, 'pretty'],
] as const)('format %s at level %s on a terminal (%s): %s', (format, level, tty, look) => {
  expect(logLook(format, level, tty)).toBe(look);
});
