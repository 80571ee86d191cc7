// Sends harmful bodies, one at a time, and asserts that none holds up the event loop, that memory
// stays in proportion, and that it is given back. Reads the build, and wants a quiet machine:
//
//   node bench/proofs/stress-bodies.mjs [--only TEXT] [--size-mib 64]
//
// Exits with code 1 when a bound is exceeded: the event loop may be held up for 100 ms, as the server
// measures it itself (its metric tfjs_serving_event_loop_delay_seconds), and memory may grow by five
// times the inflated size of the body, plus 64 MiB that a garbage collector has not looked at yet.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MIB = 1024 * 1024;
const { values } = parseArgs({
  options: { only: { type: 'string' }, 'size-mib': { type: 'string', default: '64' } },
});
const SIZE = Number(values['size-mib']) * MIB - 100;
const MAX_DELAY_MS = 100;
const MAX_FACTOR = 5;
const SLACK = 64 * MIB;

/**
 * A request, and the bytes of its body when it is not compressed, where that differs.
 * @typedef {{
 *   name: string, url: string, body: Buffer, headers: Record<string, string>, inflated?: number,
 * }} Case
 */

/** @param {string} model */
const V1 = (model) => `/v1/models/${model}:predict`;
/** @param {string} model */
const V2 = (model) => `/v2/models/${model}/infer`;
const CLASSIFY = '/models/efficientnet-lite0/classify';
const JSON_TYPE = { 'Content-Type': 'application/json' };
const GZIP = { 'Content-Encoding': 'gzip' };

/**
 * `unit` repeated between two texts, about `size` bytes in total; a byte per character.
 * @param {string} before
 * @param {string} unit
 * @param {string} after
 */
function fill(before, unit, after, size = SIZE) {
  const count = Math.floor((size - before.length - after.length) / unit.length);
  return Buffer.concat([
    Buffer.from(before, 'latin1'),
    Buffer.alloc(count * unit.length, unit, 'latin1'),
    Buffer.from(after, 'latin1'),
  ]);
}

/** @returns {Generator<Case>} */
function* cases() {
  /**
   * @param {string} name
   * @param {string} url
   * @param {Buffer} body
   * @param {Record<string, string>} [headers]
   * @returns {Case}
   */
  const json = (name, url, body, headers = {}) => ({
    name,
    url,
    body,
    headers: { ...JSON_TYPE, ...headers },
  });
  // The image API.
  yield json('image: unclosed lists', CLASSIFY, fill('{"image":', '[', '}'));
  yield json('image: {},{},…', CLASSIFY, fill('[', '{},', '{}]'));
  yield json('image: names', CLASSIFY, fill('{"a":1', ',"bcdefgh":1', '}'));
  yield json(
    'image: images:[{"b64":""},…]',
    CLASSIFY,
    fill('{"images":[', '{"b64":""},', '{"b64":""}]}'),
  );
  yield json(
    'image: one file of base64',
    CLASSIFY,
    fill('{"image":{"b64":"', 'AAAA', '"}}', SIZE * 0.66),
  );
  yield json(
    'image: base64 with line breaks',
    CLASSIFY,
    fill('{"image":{"b64":"', 'AAAA\\n', '"}}', SIZE * 0.66),
  );
  yield json('image: base64 of escapes', CLASSIFY, fill('{"image":{"b64":"', '\\u0041', '"}}'));
  yield json('image: blanks', CLASSIFY, fill('{"image":', ' ', '1}'));
  for (const [name, body] of /** @type {const} */ ([
    ['gzip of {},{},…', gzipSync(fill('[', '{},', '{}]'))],
    ['gzip of 1 GiB of [', gzipSync(Buffer.alloc(1024 * MIB, '['))],
    ['gzip of [{"31":0},…]', gzipSync(fill('[', '{"31":0},', '0]'))],
  ])) {
    yield { ...json(`image: ${name}`, CLASSIFY, body, GZIP), inflated: SIZE };
  }
  // TensorFlow Serving's API.
  /**
   * @param {string} name
   * @param {string} before
   * @param {string} unit
   * @param {string} after
   * @param {number} [size]
   */
  const v1 = (name, before, unit, after, size) =>
    json(`v1: ${name}`, V1('half_plus_two'), fill(before, unit, after, size));
  yield v1('instances {},{},…', '{"instances":[', '{},', '{}]}');
  yield v1('instances 1,1,…', '{"instances":[', '1,', '1]}', SIZE / 2.1);
  yield v1('inputs 0.123456789012345678,…', '{"inputs":[', '0.123456789012345678,', '1]}');
  yield v1('instances [1],[1],…', '{"instances":[', '[1],', '[1]]}', SIZE / 4.3);
  yield v1('strings', '{"instances":[', '"a",', '"a"]}');
  yield v1('unknown names', '{"a":1', ',"bcdefgh":1', '}');
  yield v1('blanks', '{"instances":[', ' ', '1]}');
  yield v1('escapes', '{"instances":["', '\\u0041', '"]}');
  yield v1('backslashes', '{"instances":["', '\\\\', '"]}');
  yield v1('escaped quotes', '{"instances":["', '\\"', '"]}');
  for (const mib of [1, 4, 16, 60]) {
    yield v1(`one number of ${mib} MiB`, '{"instances":[', '9', ']}', Math.min(SIZE, mib * MIB));
  }
  yield json(
    'v1: rows of objects',
    V1('half_plus_two'),
    fill('{"instances":[', '{"x":1},', '{"x":1}]}', 8 * MIB - 20),
  );
  const examples = '/v1/models/examples:classify';
  const ask = '{"signature_name":"classify","examples":[';
  yield json('v1: examples {},{},…', examples, fill(ask, '{},', '{}]}'));
  yield json(
    'v1: an example of many numbers',
    examples,
    fill(`${ask}{"x":[`, '1,', '1]}]}', SIZE / 2.1),
  );
  yield json(
    'v1: an example of many texts',
    examples,
    fill(`${ask}{"x":[`, '"",', '""]}]}', SIZE / 2.1),
  );
  yield json(
    'v1: a context in every example',
    examples,
    fill(
      `{"signature_name":"classify","context":{"c":"${'a'.repeat(MIB)}"},"examples":[`,
      '{},',
      '{}]}',
    ),
  );
  // The Open Inference Protocol.
  /**
   * The start of a body.
   * @param {string} datatype
   * @param {string} shape
   * @param {string} more
   */
  const input = (datatype, shape, more) =>
    `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[${shape}],${more}`;
  yield json('v2: inputs {},{},…', V2('half_plus_two'), fill('{"inputs":[', '{},', '{}]}'));
  yield json(
    'v2: data 1,1,…',
    V2('half_plus_two'),
    fill(input('FP32', '1', '"data":['), '1,', '1]}]}', SIZE / 2.1),
  );
  yield json(
    'v2: BYTES "",…',
    V2('half_plus_two'),
    fill(input('BYTES', '1', '"data":['), '"",', '""]}]}'),
  );
  yield json(
    'v2: strings for a model of strings',
    V2('every_type'),
    fill(
      '{"inputs":[{"name":"s","datatype":"BYTES","shape":[1],"data":[',
      '"",',
      '""]}]}',
      SIZE / 3,
    ),
  );
  yield json(
    'v2: outputs',
    V2('half_plus_two'),
    fill(`${input('FP32', '1', '"data":[1]}]')},"outputs":[`, '{"name":"y"},', '{"name":"y"}]}'),
  );
  yield json(
    'v2: parameters',
    V2('half_plus_two'),
    fill('{"inputs":[],"parameters":{"a":1', ',"bcdefgh":1', '}}'),
  );
  yield json('v2: a model that does not exist', V2('nosuch'), fill('{"inputs":[', '{},', '{}]}'));
  for (const items of [1_500_000, 2_500_000, 3_900_000]) {
    const plain = Buffer.concat([
      Buffer.from('{"inputs":['),
      Buffer.alloc(3 * items, '{},'),
      Buffer.from('0]}'),
    ]);
    yield {
      ...json(
        `v2: gzip of ${items} empty objects`,
        V2('half_plus_two'),
        gzipSync(plain, { level: 9 }),
        GZIP,
      ),
      inflated: plain.length,
    };
  }
  yield {
    ...json(
      'v2: gzip of BYTES',
      V2('half_plus_two'),
      gzipSync(fill(input('BYTES', '1', '"data":['), '"",', '""]}]}')),
      GZIP,
    ),
    inflated: SIZE,
  };
  // Binary tensors.
  /**
   * @param {string} name
   * @param {string} datatype
   * @param {number} bytesPerElement
   * @param {number} content
   * @returns {Case}
   */
  const binary = (name, datatype, bytesPerElement, content) => {
    const bytes = Math.floor((SIZE - 400) / 8) * 8;
    const head = Buffer.from(
      `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[${bytes / bytesPerElement}],"parameters":{"binary_data_size":${bytes}}}],"parameters":{"binary_data_output":true}}`,
    );
    return {
      name: `v2 binary: ${name}`,
      url: V2('half_plus_two'),
      body: Buffer.concat([head, Buffer.alloc(bytes, content)]),
      headers: { 'Inference-Header-Content-Length': String(head.length) },
    };
  };
  yield binary('FP32', 'FP32', 4, 0);
  yield binary('FP64', 'FP64', 8, 0);
  yield binary('FP16', 'FP16', 2, 0);
  yield binary('BF16', 'BF16', 2, 0);
  yield binary('INT64', 'INT64', 8, 0);
  yield binary('empty BYTES', 'BYTES', 4, 0);
  yield {
    name: 'v2 binary: the JSON in front is everything',
    url: V2('half_plus_two'),
    body: fill('{"inputs":[', '{},', '{}]}'),
    headers: {
      'Inference-Header-Content-Length': String(fill('{"inputs":[', '{},', '{}]}').length),
    },
  };
  // Files.
  /**
   * @param {string} name
   * @param {Buffer} body
   * @returns {Case}
   */
  const file = (name, body) => ({
    name: `file: ${name}`,
    url: CLASSIFY,
    body,
    headers: { 'Content-Type': 'image/jpeg' },
  });
  const FILE = Math.min(SIZE, 32 * MIB - 100);
  yield file('a JPEG of empty segments', fill('\xff\xd8', '\xff\xe0\0\x02', '', FILE));
  yield file(
    'a JPEG of fill bytes',
    Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(FILE, 0xff)]),
  );
  yield file('a PNG of empty chunks', pngOfChunks(FILE));
  yield file('zeros', Buffer.alloc(FILE));
  /** @param {number} index */
  const part = (index) =>
    `--b\r\nContent-Disposition: form-data; name="image"; filename="${index}"\r\n\r\nx\r\n`;
  yield {
    name: 'form: half a million files',
    url: CLASSIFY,
    body: fill('', part(1), '--b--\r\n'),
    headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
  };
  yield {
    name: 'form: fields',
    url: CLASSIFY,
    body: fill('', '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n', '--b--\r\n'),
    headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
  };
  yield {
    name: 'form: one header without end',
    url: CLASSIFY,
    body: fill('--b\r\nContent-Disposition: form-data; name="', 'a', '"\r\n\r\nx\r\n--b--\r\n'),
    headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
  };
  // Compressed bytes that are not JSON.
  yield {
    name: 'raw: gzip of 1 GiB',
    url: CLASSIFY,
    body: gzipSync(Buffer.alloc(1024 * MIB)),
    headers: { ...GZIP, 'Content-Type': 'image/jpeg' },
    inflated: FILE,
  };
}

/** @param {number} size in bytes */
function pngOfChunks(size) {
  const png = Buffer.alloc(size);
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]).copy(png);
  for (let at = 8; at + 12 <= size; at += 12) png.write('tEXt', at + 4, 'latin1');
  return png;
}

const repository = mkdtempSync(path.join(tmpdir(), 'stress-'));
for (const name of ['half_plus_two', 'every_type', 'examples']) {
  cpSync(path.join(ROOT, 'test/fixtures/models', name), path.join(repository, name), {
    recursive: true,
  });
}
cpSync(
  path.join(ROOT, 'saved_models/efficientnet-lite0'),
  path.join(repository, 'efficientnet-lite0'),
  { recursive: true },
);

const server = spawn(
  process.execPath,
  [
    path.join(ROOT, 'dist/main.js'),
    '--port',
    '0',
    '--model-repository',
    repository,
    '--instances',
    '1',
    '--optimize',
    'false',
    '--log-format',
    'json',
    '--log-level',
    'info',
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
const ended = once(server, 'exit');
let base = '';
for await (const line of createInterface({ input: server.stdout })) {
  const { msg, url } = JSON.parse(line);
  if (msg === 'listening') base = url;
  if (msg === 'serving') break;
}
server.stdout.resume();

/**
 * Bytes of a field of /proc/PID/status.
 * @param {string} field
 */
const status = (field) =>
  Number(
    new RegExp(`${field}:\\s+(\\d+) kB`).exec(
      readFileSync(`/proc/${server.pid}/status`, 'utf8'),
    )?.[1],
  ) * 1024;
/** @param {number} bytes */
const mib = (bytes) => Math.round(bytes / MIB);

async function loopDelayMs() {
  const text = await (await fetch(`${base}/metrics`)).text();
  return Number(/event_loop_delay_seconds\{quantile="1"\} (\S+)/.exec(text)?.[1]) * 1000;
}

/**
 * Sends a request.
 * @param {Pick<Case, 'url' | 'body' | 'headers'>} request
 * @returns {Promise<string>} status and error code of the answer, or the error of the connection
 */
function send({ url, body, headers }) {
  return new Promise((resolve) => {
    const request = http.request(base + url, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': body.length },
      agent: false,
    });
    request.on('response', (response) => {
      const code = response.headers['x-error-code'] ?? '';
      response.on('data', () => undefined);
      response.on('close', () => resolve(`${response.statusCode} ${code}`));
    });
    request.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    request.end(body);
  });
}

/** @type {string[]} */
const failures = [];
await send({
  url: CLASSIFY,
  body: readFileSync(path.join(ROOT, 'test/fixtures/photos/coffee.jpg')),
  headers: { 'Content-Type': 'image/jpeg' },
});
const atFirst = status('VmRSS');
console.log(
  'request'.padEnd(46),
  'MiB'.padStart(4),
  'answer'.padEnd(26),
  's'.padStart(5),
  'loop ms'.padStart(8),
  'memory +MiB'.padStart(12),
);
for (const one of cases()) {
  if (values.only !== undefined && !one.name.includes(values.only)) continue;
  const before = status('VmRSS');
  writeFileSync(`/proc/${server.pid}/clear_refs`, '5');
  await loopDelayMs();
  const started = performance.now();
  const answer = await send(one);
  const seconds = (performance.now() - started) / 1000;
  const delay = await loopDelayMs();
  const grown = status('VmHWM') - before;
  const allowed = MAX_FACTOR * (one.inflated ?? one.body.length) + SLACK;
  const problems = [
    ...(delay > MAX_DELAY_MS ? [`the event loop was held up for ${delay.toFixed(0)} ms`] : []),
    ...(grown > allowed ? [`memory grew by ${mib(grown)} MiB; ${mib(allowed)} are allowed`] : []),
    ...(/^[45]\d\d |^2\d\d /.test(answer) && !answer.startsWith('500')
      ? []
      : [`answered ${answer}`]),
  ];
  console.log(
    one.name.padEnd(46),
    String(mib(one.body.length)).padStart(4),
    answer.padEnd(26),
    seconds.toFixed(1).padStart(5),
    delay.toFixed(0).padStart(8),
    String(mib(grown)).padStart(12),
    problems.length > 0 ? `  OUT OF BOUNDS: ${problems.join('; ')}` : '',
  );
  for (const problem of problems) failures.push(`${one.name}: ${problem}`);
}
// Small requests let the collector run.
for (let i = 0; i < 200; i++) {
  await send({
    url: V1('half_plus_two'),
    body: Buffer.from('{"instances":[1]}'),
    headers: JSON_TYPE,
  });
}
const atLast = status('VmRSS');
console.log(`memory before ${mib(atFirst)} MiB, after ${mib(atLast)} MiB`);
if (atLast - atFirst > 256 * MIB)
  failures.push(`memory was not given back: ${mib(atFirst)} MiB before, ${mib(atLast)} after`);
server.kill('SIGINT');
await ended;
rmSync(repository, { recursive: true, force: true });
for (const failure of failures) console.error(failure);
console.log(failures.length === 0 ? 'all within bounds' : `${failures.length} out of bounds`);
process.exitCode = failures.length === 0 ? 0 : 1;
