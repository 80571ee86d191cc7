// Sends requests of every kind at once, for long, and asserts that each has its own answer, and that memory stays flat.
// Run it from a build, by hand or weekly:
//
//   node bench/proofs/soak.mjs [--requests 100000] [--connections 16] [--seed 1] [--optimize true]
//
// Exit code 1 when an answer is wrong or memory grows. Numbers are worked out here, scores and pixels compared with those
// of the same picture sent alone at the start (1e-4, and 1 of 255), errors by their codes. One client in a hundred
// leaves in the middle. The bound of memory: the median of the last quarter is at most 5 % and 32 MiB above that of the
// second, for the whole process tree, without the files that are mapped.
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { failureKinds, MAX_BODY_BYTES, MAX_FILE_BYTES } from './soak/failure-kinds.mjs';
import { imageKinds } from './soak/image-kinds.mjs';
import { MemoryWatch } from './soak/memory-watch.mjs';
import { photosWithScores, picturesWithPixels, tinyPicture } from './soak/pictures.mjs';
import { tensorKinds } from './soak/tensor-kinds.mjs';
import { heldByServer } from './support/nothing-left.mjs';
import { Random } from './support/random.mjs';
import { sendRequest } from './support/send-request.mjs';
import { startServer } from './support/start-server.mjs';

const SHARE_OF_LEAVERS = 0.01;
const SHOWN_WRONG = 20;
const MAX_TRIES = 20;

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    connections: { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
    optimize: { type: 'string', default: 'true' },
  },
});
const total = Number(values.requests);
const connections = Number(values.connections);
const batching = { maxBatchSize: 4, maxQueueDelayMs: 1 };

const toy = (name) => ({ from: `test/fixtures/models/${name}`, config: { batching } });
const server = await startServer({
  models: {
    half_plus_two: toy('half_plus_two'),
    every_type: toy('every_type'),
    two_signatures: toy('two_signatures'),
    examples: toy('examples'),
    classifier: { from: 'saved_models/efficientnet-lite0' },
    upscaler: { from: 'saved_models/span-x2' },
  },
  flags: [
    ...['--instances', '2', '--optimize', values.optimize],
    ...['--max-file-bytes', String(MAX_FILE_BYTES), '--max-body-bytes', String(MAX_BODY_BYTES)],
  ],
});
const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
const problems = [];
const counts = new Map();
let done = 0;
try {
  await main();
} finally {
  agent.destroy();
  await server.stop();
}
for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? 'all within bounds' : `${problems.length} out of bounds`);
process.exitCode = problems.length === 0 ? 0 : 1;

async function main() {
  const photos = await photosWithScores(server.url);
  const pictures = await picturesWithPixels(server.url);
  const kinds = [
    ...tensorKinds(),
    ...imageKinds(photos, pictures),
    ...failureKinds(photos[0].file, await tinyPicture()),
  ];
  for (const { name } of kinds)
    counts.set(name, { sent: 0, left: 0, refused: 0, wrong: 0, ms: [] });
  const watch = new MemoryWatch(server.pid, () => done);
  const started = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < total && server.exited() === null) {
      const random = new Random(Number(values.seed), next++);
      await one(random.weighted(kinds), random);
      done += 1;
      if (done % 10_000 === 0) console.error(`${done} requests, ${wrong()} wrong`);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const seconds = (performance.now() - started) / 1000;
  watch.stop();
  agent.destroy();
  report(watch);
  console.log(`${done} requests in ${seconds.toFixed(0)} s, ${wrong()} wrong answers`);
  if (server.exited() !== null) {
    problems.push(`the server ended (${server.exited()}):\n${server.lastLines()}`);
    return;
  }
  for (const held of await heldByServer(server)) problems.push(`left at the end: ${held}`);
  for (const { message } of server.takeProblems()) problems.push(`the server logged: ${message}`);
}

async function one({ name, make }, random) {
  const count = counts.get(name);
  const { path, headers, body, check } = make(random);
  count.sent += 1;
  if (random.chance(SHARE_OF_LEAVERS)) {
    count.left += 1;
    await leave(server.url + path, headers, body, random);
    return;
  }
  const options = { method: 'POST', headers, body, agent };
  for (let tries = 1; ; tries++) {
    const started = performance.now();
    try {
      const answer = await sendRequest(server.url + path, options);
      if (answer.status === 429 && tries < MAX_TRIES) {
        count.refused += 1;
        await pause(1000 * Number(answer.headers['retry-after'] ?? 1));
        continue;
      }
      count.ms.push(performance.now() - started);
      await check(answer);
    } catch (error) {
      count.wrong += 1;
      if (wrong() <= SHOWN_WRONG) problems.push(`${name}: ${error.message}`);
    }
    return;
  }
}

/** Sends a part of the body or all of it, and cuts the connection a moment later. */
async function leave(url, headers, body, random) {
  const request = http.request(url, {
    method: 'POST',
    agent,
    headers: { ...headers, 'Content-Length': body.length },
  });
  // What comes is not waited for.
  request.on('error', () => undefined);
  request.on('response', (response) => response.on('error', () => undefined).resume());
  const sent = random.chance(0.5) ? body.length : random.below(body.length);
  request.write(body.subarray(0, sent));
  if (sent === body.length) request.end();
  await pause(random.below(30));
  request.destroy();
}

function report(watch) {
  const rows = [...counts].map(([name, { ms, ...rest }]) => {
    ms.sort((a, b) => a - b);
    const at = (share) => Number((ms[Math.floor(share * ms.length)] ?? NaN).toFixed(1));
    return [name, { ...rest, 'p50 ms': at(0.5), 'p99 ms': at(0.99) }];
  });
  console.table(Object.fromEntries(rows));
  console.table(watch.rows());
  const { line, flat } = watch.verdict();
  console.log(line);
  if (!flat) problems.push('memory grew');
}

function wrong() {
  return [...counts.values()].reduce((sum, count) => sum + count.wrong, 0);
}
