import { Random } from '../support/random.mjs';
import { chunked } from './chunked.mjs';
import { mutateBody } from './mutate-body.mjs';
import { mutateHead } from './mutate-head.mjs';

/**
 * The case of a number: one request or several on one connection, the bytes, and how they are sent.
 * @param good requests of every kind, of which it is made
 * @returns `requests` (with `method`, `target`, `id`, `untouched`, `loose`, `status`), `labels`, `bytes`, `pieces` and
 *   `ending`
 */
export function makeCase(good, seed, index) {
  const random = new Random(seed, index);
  const count = random.chance(0.2) ? random.from(2, 4) : 1;
  const labels = [];
  const requests = [];
  const parts = [];
  for (let place = 0; place < count; place++) {
    const request = mutated(random, random.weighted(good), labels, count > 1 ? 0.5 : 0.97);
    request.id ??= `fuzz-${seed}-${index}-${place}`;
    requests.push(request);
    parts.push(write(random, request));
  }
  // The answer to HEAD has no body: which one that is must be certain.
  const uncertain = requests.some(({ loose }) => loose);
  if (count > 1 && uncertain && requests.some(({ method }) => method === 'HEAD')) {
    requests.splice(1);
    parts.splice(1);
  }
  const bytes = Buffer.concat(parts);
  const ending = endingOf(random, uncertain, requests.length);
  labels.push(ending);
  return { index, requests, labels, bytes, pieces: piecesOf(random, bytes, ending), ending };
}

function mutated(random, good, labels, probability) {
  const request = asIs(good);
  labels.push(good.name);
  request.untouched = !random.chance(probability);
  if (request.untouched) return request;
  for (let left = random.pick([1, 1, 1, 2, 2, 3]); left > 0; left--) {
    const mutate = request.body.length > 0 && random.chance(0.6) ? mutateBody : mutateHead;
    labels.push(mutate(random, request));
  }
  return request;
}

function asIs(good) {
  const head = { version: 'HTTP/1.1', lineEnd: '\r\n', host: ['localhost'] };
  return { ...good, ...head, headers: [...good.headers], untouched: true };
}

function write(random, request) {
  const { method, target, version, lineEnd, host, headers, id, body, chunks, length } = request;
  const fields = [...host.map((name) => ['Host', name]), ['X-Request-Id', id], ...headers];
  if (chunks !== undefined) fields.push(['Transfer-Encoding', 'chunked']);
  else if (length !== undefined || body.length > 0 || method === 'POST') {
    const given = headers.some(([name]) => name === 'Content-Length');
    if (!given || length !== undefined) fields.push(['Content-Length', length ?? `${body.length}`]);
  }
  const lines = fields.map(([name, value]) => (name === undefined ? value : `${name}: ${value}`));
  const head = Buffer.from(
    [`${method} ${target} ${version}`, ...lines, '', ''].join(lineEnd),
    'latin1',
  );
  if (request.flipHead) head[random.below(head.length)] ^= 1 << random.below(8);
  return Buffer.concat([head, chunks === undefined ? body : chunked(random, body, chunks)]);
}

function endingOf(random, uncertain, count) {
  const left = random.next();
  // Behind a complete request, a connection may be silent for long.
  if (left < 0.004) return count === 1 ? 'stall' : 'leave';
  if (left < 0.03) return 'half-close';
  if (left < 0.06) return 'leave';
  if (left < 0.1) return 'reset';
  return uncertain ? 'idle' : 'wait';
}

/** A request of every kind as it is, in one piece. */
export function untouchedCase(good) {
  const request = asIs(good);
  request.id = 'warm-up';
  const bytes = write(new Random(0, 0), request);
  return {
    index: good.name,
    requests: [request],
    labels: [good.name],
    bytes,
    pieces: [{ bytes, pauseMs: 0 }],
    ending: 'wait',
  };
}

/** Where the bytes are cut, and whether the next piece comes a little later. */
function piecesOf(random, bytes, ending) {
  const end = endOf(random, bytes, ending);
  const way = random.weighted([
    { cuts: [], weight: 14 },
    { cuts: someOf(random, bytes), weight: 1 },
    { cuts: someOf(random, bytes), slow: true, weight: 4 },
    { cuts: eachOfTheFirst(bytes), weight: 1 },
  ]);
  const places = [...way.cuts.filter((at) => at < end), end].sort((a, b) => a - b);
  return places.map((at, index) => ({
    bytes: bytes.subarray(places[index - 1] ?? 0, at),
    pauseMs: way.slow === true && at < end ? random.from(0, 5) : 0,
  }));
}

/** A client that leaves does so anywhere. */
function endOf(random, bytes, ending) {
  const stays = ending === 'wait' || ending === 'idle';
  return stays || random.chance(0.3) ? bytes.length : random.below(bytes.length);
}

function someOf(random, bytes) {
  return Array.from({ length: random.from(1, 4) }, () => random.below(bytes.length));
}

function eachOfTheFirst(bytes) {
  return Array.from({ length: Math.min(bytes.length, 300) }, (_, at) => at);
}
