// Sends broken requests of every API over raw sockets, and asserts that the server lives, answers each in the form that
// its documents promise, and still answers good ones rightly. Run it from a build, by hand or weekly:
//
//   node bench/proofs/fuzz-sockets.mjs [--requests 30000] [--seed N] [--first 0] [--sockets 16] [--out FOLDER]
//
// Exit code 1 when something is out of order. Each case, of one to four requests on a connection, follows from the seed
// and its number: what failed is written to the folder as the bytes that were sent, and the command that sends it again
// is printed. The bounds: no status 500 but INFERENCE_FAILED; memory at most 128 MiB above that after 2,000
// cases; no connection and no request left at the end.
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { documentation } from './fuzz-sockets/documentation.mjs';
import { COFFEE, goodRequests, MODELS } from './fuzz-sockets/good-requests.mjs';
import { judge } from './fuzz-sockets/judge.mjs';
import { makeCase, untouchedCase } from './fuzz-sockets/make-case.mjs';
import { runCase } from './fuzz-sockets/run-case.mjs';
import { heldByServer } from './support/nothing-left.mjs';
import { treeMemory } from './support/process-memory.mjs';
import { sendRequest } from './support/send-request.mjs';
import { startServer } from './support/start-server.mjs';

const MIB = 1024 * 1024;
const MAX_GROWTH = 128 * MIB;
/** Cases between two looks at memory; after the first, heaps and caches have their size. */
const LOOK_EVERY = 2000;
const MAX_FAILURES = 20;
const GOOD_EVERY = 100;
/** Half of `maxUploads`: what one address may have at once. */
const OWN_UPLOADS = 32;

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '30000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    first: { type: 'string', default: '0' },
    sockets: { type: 'string', default: '16' },
    out: { type: 'string', default: path.join(tmpdir(), 'fuzz-sockets') },
  },
});
const seed = Number(values.seed);
const first = Number(values.first);
const end = first + Number(values.requests);

const counts = { statuses: new Map(), mutations: new Map(), requests: 0 };
const failures = [];
const good = await goodRequests();
console.log(`seed ${seed}, cases ${first} to ${end - 1}`);

const server = await startServer({
  models: MODELS,
  // Small, so that a place that is never given back is missed soon.
  flags: [
    ...['--instances', '1', '--optimize', 'false', '--model-control', 'explicit'],
    ...['--max-body-bytes', '2000000', '--max-pixels', '1000000', '--max-in-flight-requests', '64'],
    ...[
      '--max-uploads',
      String(2 * OWN_UPLOADS),
      '--upload-grace-ms',
      '1000',
      '--request-timeout-ms',
      '5000',
    ],
  ],
});
try {
  await main();
} finally {
  await server.stop();
}
report();

async function main() {
  const documented = documentation(
    JSON.parse((await sendRequest(`${server.url}/openapi.json`)).body.toString()),
  );
  for (const request of [...good, ...good]) await mustBeAnswered(request, documented);
  const memory = [];
  let next = first;
  const worker = async () => {
    while (next < end && failures.length < MAX_FAILURES && server.exited() === null) {
      const index = next++;
      await one(makeCase(good, seed, index), documented);
      if (index % GOOD_EVERY === GOOD_EVERY - 1) await requireRightAnswers(index);
      if ((next - first) % LOOK_EVERY === 0) memory.push(look(next - first));
    }
  };
  await Promise.all(Array.from({ length: Number(values.sockets) }, worker));
  if (server.exited() !== null) {
    fail(`the server ended (${server.exited()}):\n${server.lastLines()}`);
    return;
  }
  await requireRightAnswers('the end');
  await requireAllUploads();
  for (const held of await heldByServer(server)) fail(`left at the end: ${held}`);
  collectProblems();
  const last = look(next - first);
  memory.push(last);
  const grown = last - memory[0];
  if (grown > MAX_GROWTH) fail(`memory grew by ${mib(grown)} MiB`);
}

/** As it is, each request has to be answered: else the mutations start from nothing. */
async function mustBeAnswered(request, documented) {
  const made = untouchedCase(request);
  const problems = judge(made, await runCase(server.port, made), documented, server.folder);
  if (problems.length > 0) throw new Error(`${request.name}: ${problems.join('; ')}`);
}

async function one(made, documented) {
  const result = await runCase(server.port, made);
  const problems = judge(made, result, documented, server.folder);
  counts.requests += made.requests.length;
  for (const { status, headers } of result.finals) {
    count(
      counts.statuses,
      `${status} ${headers.get('x-error-code') ?? (headers.has('x-request-id') ? '' : 'by Node')}`,
    );
  }
  for (const label of made.labels) count(counts.mutations, label);
  if (server.exited() !== null) problems.push(`the server ended (${server.exited()})`);
  collectProblems();
  if (problems.length > 0) keep(made, problems);
}

/** What the server logged as its own fault is charged to the case whose request id stands there. */
function collectProblems() {
  for (const { requestId, message } of server.takeProblems()) {
    const [, index] = /^fuzz-\d+-(\d+)-\d+$/.exec(requestId ?? '') ?? [];
    const problem = `the server logged: ${message.slice(0, 2000)}`;
    if (index === undefined) fail(problem);
    else keep(makeCase(good, seed, Number(index)), [problem]);
  }
}

function keep(made, problems) {
  mkdirSync(values.out, { recursive: true });
  const file = path.join(values.out, `${seed}-${made.index}.bin`);
  writeFileSync(file, made.bytes);
  fail(
    [
      `case ${made.index} (${made.labels.join(', ')})`,
      ...problems.map((problem) => `  ${problem}`),
      `  bytes: ${file}`,
      `  again: node bench/proofs/fuzz-sockets.mjs --seed ${seed} --first ${made.index} --requests 1`,
    ].join('\n'),
  );
}

/** Others may fill the queue for a moment: a refusal is tried again. */
async function requireRightAnswers(when) {
  const numbers = Buffer.from(JSON.stringify({ instances: [7] }));
  await requireAnswer(when, '/v1/models/half_plus_two:predict', numbers, '{"predictions": [5.5]}');
  await requireAnswer(when, '/models/classifier/classify?top=1', COFFEE, '"label":"espresso"');
}

async function requireAnswer(when, address, body, expected) {
  const options = { method: 'POST', headers: { 'Content-Type': 'image/jpeg' }, body };
  for (let attempt = 1; ; attempt++) {
    const answer = await sendRequest(server.url + address, options).catch((error) => ({
      status: undefined,
      body: String(error),
    }));
    const text = answer.body.toString();
    if (text.includes(expected)) return;
    if (answer.status !== 429 || attempt === 20) {
      fail(`a good request after ${when}: ${address} answered ${text}`);
      return;
    }
    await pause(1000);
  }
}

/** As many bodies at once as an address may send: one place that was not given back, and one is refused. */
async function requireAllUploads() {
  const body = Buffer.from('{"instances":[7]}');
  const head = `POST /v1/models/half_plus_two:predict HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
  const pieces = [
    { bytes: Buffer.from(head), pauseMs: 500 },
    { bytes: body, pauseMs: 0 },
  ];
  const made = { pieces, ending: 'wait', requests: [{ method: 'POST' }] };
  const results = await Promise.all(
    Array.from({ length: OWN_UPLOADS }, () => runCase(server.port, made)),
  );
  const refused = results.filter(({ finals }) => finals[0]?.status !== 200).length;
  if (refused > 0) fail(`${refused} of ${OWN_UPLOADS} bodies at once were refused at the end`);
}

/** @returns bytes of memory */
function look(done) {
  const { own } = treeMemory(server.pid);
  console.log(
    `${done} cases, ${counts.requests} requests, memory ${mib(own)} MiB, ${failures.length} failures`,
  );
  return own;
}

function report() {
  const lines = (map) =>
    [...map].sort(([, a], [, b]) => b - a).map(([name, number]) => `${number} ${name}`);
  console.log(`answers: ${lines(counts.statuses).join(', ')}`);
  console.log(`made of: ${lines(counts.mutations).join(', ')}`);
  console.log(failures.length === 0 ? 'nothing is out of order' : `${failures.length} failures`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

function fail(what) {
  failures.push(what);
  console.error(what);
}

function count(map, key) {
  map.set(key, (map.get(key) ?? 0) + 1);
}

function mib(bytes) {
  return Math.round(bytes / MIB);
}
