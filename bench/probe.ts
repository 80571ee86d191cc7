import { request } from 'node:http';

export interface ProbeAnswer {
  readonly status: number;
  readonly ms: number;
}

/**
 * In this time of a load all its connections are made and send their first request at once, which
 * is the start of a load and not what follows; nothing is asked.
 */
const RAMP_MS = 1000;

/** Asks regularly, each time on a new connection as an orchestrator does, until it is stopped. */
export class Probe {
  readonly answers: ProbeAnswer[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #pending = new Set<Promise<void>>();

  constructor(url: string, everyMs: number, body?: { contentType: string; bytes: Buffer }) {
    const began = performance.now();
    this.#timer = setInterval(() => {
      if (performance.now() - began < RAMP_MS) return;
      const asked = ask(url, body)
        .then((answer) => {
          this.answers.push(answer);
        })
        .finally(() => this.#pending.delete(asked));
      this.#pending.add(asked);
    }, everyMs);
  }

  async stop(): Promise<readonly ProbeAnswer[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    return this.answers;
  }
}

/** Status 0: no answer within 10 s. */
export function ask(
  url: string,
  body?: { contentType: string; bytes: Buffer },
): Promise<ProbeAnswer & { readonly text: string }> {
  const began = performance.now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const end = (status: number): void => {
      resolve({ status, ms: performance.now() - began, text: Buffer.concat(chunks).toString() });
    };
    const sent = request(
      url,
      {
        agent: false,
        method: body === undefined ? 'GET' : 'POST',
        timeout: 10_000,
        ...(body === undefined
          ? {}
          : { headers: { 'content-type': body.contentType, 'content-length': body.bytes.length } }),
      },
      (response) => {
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          end(response.statusCode ?? 0);
        });
        response.on('error', () => {
          end(0);
        });
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => {
      end(0);
    });
    sent.end(body?.bytes);
  });
}
