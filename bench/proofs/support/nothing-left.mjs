import { setTimeout as pause } from 'node:timers/promises';

import { openConnections } from './process-memory.mjs';
import { sendRequest } from './send-request.mjs';

const SETTLE_MS = 10_000;
const GAUGES =
  /^tfjs_serving_(queue_depth\{|admitted_requests\{|bytes_in_flight |run_memory_bytes )/;

/**
 * What a server still holds after all its clients have gone: connections, requests of its models, bytes. It may take
 * a moment to notice.
 * @returns a line for each
 */
export async function heldByServer({ url, port }) {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const held = [...(await gauges(url)), ...connections(port)];
    if (held.length === 0 || performance.now() > deadline) return held;
    await pause(250);
  }
}

async function gauges(url) {
  // On a connection of its own, which would else be counted.
  const { body } = await sendRequest(`${url}/metrics`);
  return body
    .toString()
    .split('\n')
    .filter((line) => GAUGES.test(line) && !line.endsWith(' 0'));
}

function connections(port) {
  const open = openConnections(port);
  return open === 0 ? [] : [`${open} connections`];
}
