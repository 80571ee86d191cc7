import { readFileSync, writeFileSync } from 'node:fs';

import autocannon from 'autocannon';

import { percentile } from './statistics';

/**
 * The same task as wrk.lua, for machines without wrk: same environment, same result file. A pause
 * after 429 (BENCH_PATIENCE_MS) is not known to autocannon: the next request goes out at once.
 */
function main(): void {
  const [url = '', connections = '1', seconds = '1'] = process.argv.slice(2);
  const requests = readFileSync(process.env.BENCH_PLAN ?? '', 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [path = '/', contentType = '', file = ''] = line.split('\t');
      return {
        method: 'POST' as const,
        path,
        headers: { 'content-type': contentType },
        body: readFileSync(file),
      };
    });
  const statuses: Record<string, number> = {};
  const latencies: number[] = [];
  let bytes = 0;
  const began = performance.now();
  const instance = autocannon(
    { url, connections: Number(connections), duration: Number(seconds), timeout: 60, requests },
    (error: Error | null, result: autocannon.Result | undefined) => {
      if (error !== null || result === undefined) {
        console.error(error);
        process.exitCode = 1;
        return;
      }
      const report = {
        seconds: (performance.now() - began) / 1000,
        bytes,
        p50Ms: zeroIfNone(percentile(latencies, 50)),
        p95Ms: zeroIfNone(percentile(latencies, 95)),
        p99Ms: zeroIfNone(percentile(latencies, 99)),
        maxMs: zeroIfNone(percentile(latencies, 100)),
        failed: result.errors + result.timeouts,
        statuses,
      };
      writeFileSync(process.env.BENCH_RESULT ?? '', JSON.stringify(report));
    },
  );
  instance.on('response', (_client, status, responseBytes, ms) => {
    statuses[String(status)] = (statuses[String(status)] ?? 0) + 1;
    bytes += responseBytes;
    latencies.push(ms);
  });
}

/** As wrk has it: JSON knows no NaN. */
function zeroIfNone(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

main();
