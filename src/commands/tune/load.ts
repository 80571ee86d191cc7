import { Agent, request } from 'node:http';

import type { TrialResult } from './choose';
import { percentile } from '../../kernel/statistics';

export interface LoadOptions {
  readonly url: string;
  /** Encoded images, sent in turn as raw bodies. */
  readonly images: readonly Buffer[];
  /** Requests kept in flight. */
  readonly connections: number;
  /** Before anything counts. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Keeps `connections` requests in flight and counts what is answered while it measures. */
export async function runLoad(options: LoadOptions): Promise<TrialResult> {
  const { connections, warmUpMs, measureMs } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const start = performance.now() + warmUpMs;
  const end = start + measureMs;
  const latencies: number[] = [];
  let failed = 0;
  let turn = 0;
  try {
    await Promise.all(
      Array.from({ length: connections }, async () => {
        for (;;) {
          const began = performance.now();
          if (began >= end) return;
          const ok = await send(agent, options, turn++);
          const now = performance.now();
          if (now < start || now > end) continue;
          if (ok) latencies.push(now - began);
          else failed += 1;
        }
      }),
    );
  } finally {
    agent.destroy();
  }
  return {
    perSecond: latencies.length / (measureMs / 1000),
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    failed,
  };
}

/** @returns whether it was answered 2xx */
function send(agent: Agent, { url, images }: LoadOptions, turn: number): Promise<boolean> {
  const body = images[turn % images.length];
  return new Promise((resolve) => {
    const sent = request(
      url,
      {
        agent,
        method: 'POST',
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': body?.length ?? 0,
        },
      },
      (response) => {
        response.resume();
        response.on('error', () => {
          resolve(false);
        });
        response.on('end', () => {
          resolve(Math.floor((response.statusCode ?? 0) / 100) === 2);
        });
      },
    );
    sent.on('error', () => {
      resolve(false);
    });
    sent.end(body);
  });
}
