// Asks many models that are loaded on demand, some of them far more often than others, with room for few; and one that is
// always in memory, with and without the others. Run it from a build, by hand or weekly:
//
//   node bench/proofs/on-demand.mjs [--models 200] [--seconds 120] [--clients 4] [--limit-mib 2000] [--seed 1]
//
// Exit code 1 when an answer is wrong, an error is not a 503 with Retry-After, or the server takes more than the limit and
// 500 MiB for itself. The figures to read: how often models were loaded, and the latency of the one that stays.
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { treeMemory } from './support/process-memory.mjs';
import { Random } from './support/random.mjs';
import { sendRequest } from './support/send-request.mjs';
import { startServer } from './support/start-server.mjs';

const MIB = 1024 * 1024;
const OWN_BYTES = 500 * MIB;
const WATCHED_EVERY_MS = 50;
const TOY = 'test/fixtures/models/half_plus_two';

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '120' },
    clients: { type: 'string', default: '4' },
    'limit-mib': { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
  },
});
const count = Number(values.models);
const seconds = Number(values.seconds);
const limit = Number(values['limit-mib']) * MIB;
const random = new Random(Number(values.seed));
const names = Array.from({ length: count }, (_, index) => `model-${index}`);

const onDemand = { residency: 'onDemand', instances: 1 };
const server = await startServer({
  models: {
    ...Object.fromEntries(names.map((name) => [name, { from: TOY, config: onDemand }])),
    stays: { from: TOY, config: { instances: 1 } },
  },
  flags: ['--max-resident-memory', String(limit), '--poll-interval-ms', '600000'],
});
const agent = new http.Agent({ keepAlive: true });
const statuses = new Map();
const problems = [];
let peak = 0;

try {
  const alone = await latencies(seconds / 4, () => undefined);
  const watch = setInterval(() => {
    peak = Math.max(peak, treeMemory(server.pid).own);
  }, 500);
  const beside = await latencies(seconds, zipfClients);
  clearInterval(watch);
  report(alone, beside, await metrics());
} finally {
  agent.destroy();
  await server.stop();
}

/** Latency of the model that stays, asked twenty times a second while `others` work. */
async function latencies(lengthS, others) {
  const end = performance.now() + lengthS * 1000;
  const measured = [];
  const work = others(end);
  while (performance.now() < end) {
    const started = performance.now();
    await ask('stays', 1);
    measured.push(performance.now() - started);
    await pause(WATCHED_EVERY_MS);
  }
  await work;
  return measured.sort((a, b) => a - b);
}

function zipfClients(end) {
  const weights = names.map((_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const client = async () => {
    while (performance.now() < end) {
      let left = random.next() * total;
      const rank = weights.findIndex((weight) => (left -= weight) <= 0);
      await ask(names[Math.max(0, rank)], Math.floor(random.next() * 100));
    }
  };
  return Promise.all(Array.from({ length: Number(values.clients) }, client));
}

async function ask(model, x) {
  const { status, headers, body } = await sendRequest(`${server.url}/v1/models/${model}:predict`, {
    method: 'POST',
    agent,
    body: Buffer.from(JSON.stringify({ instances: [x] })),
  });
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  if (status === 200) {
    const [y] = JSON.parse(body.toString()).predictions;
    if (y !== x / 2 + 2) problems.push(`${model} answered ${y} to ${x}`);
  } else if (status !== 503 || headers['retry-after'] === undefined) {
    problems.push(`${model}: ${status} ${body.toString()}`);
  }
}

async function metrics() {
  const { body } = await sendRequest(`${server.url}/metrics`);
  const sum = (name) =>
    [...body.toString().matchAll(new RegExp(`^tfjs_serving_${name}\\{.*\\} (\\d+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return { loads: sum('model_loads_total'), evictions: sum('model_evictions_total') };
}

function report(alone, beside, { loads, evictions }) {
  const of = (sorted, share) => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(1);
  console.log(`answers by status: ${JSON.stringify(Object.fromEntries(statuses))}`);
  console.log(
    `loads ${loads}, evictions ${evictions}, own memory at most ${Math.ceil(peak / MIB)} MiB`,
  );
  for (const [what, sorted] of [
    ['alone', alone],
    ['beside loads', beside],
  ]) {
    console.log(
      `the model that stays, ${what}: p50 ${of(sorted, 0.5)} ms, p99 ${of(sorted, 0.99)} ms`,
    );
  }
  problems.push(...server.takeProblems().map(({ message }) => message));
  if (peak > limit + OWN_BYTES) problems.push(`it took ${Math.ceil(peak / MIB)} MiB`);
  for (const problem of problems.slice(0, 20)) console.log(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
