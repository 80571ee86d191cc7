import type { ServingClientOptions } from './client-options';
import { Transport } from './transport';

/**
 * What leads to a server.
 * @param url of the server, such as `http://127.0.0.1:8080`; may have a path
 * @throws TypeError when it is not a URL
 */
export function openTransport(url: string | URL, options: ServingClientOptions): Transport {
  return new Transport({
    url: new URL(url).href.replace(/[?#].*$/, '').replace(/\/+$/, ''),
    timeoutMs: options.timeoutMs ?? 60_000,
    retries: options.retries ?? 3,
    baseDelayMs: options.baseDelayMs ?? 200,
    maxDelayMs: options.maxDelayMs ?? 5000,
    headers: options.headers ?? {},
    // Called without a `this`, as browsers demand.
    fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
  });
}
