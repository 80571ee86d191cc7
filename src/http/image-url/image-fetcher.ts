import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as secureRequest } from 'node:https';

import { messageOf, ServingError } from '../../kernel/errors';
import { Semaphore } from '../../kernel/semaphore';
import {
  anyLookup,
  PrivateAddressError,
  publicLookup,
  requirePublicLiteral,
  systemResolve,
  type Resolve,
} from './checked-lookup';
import { originMatcher } from './origins';

const MAX_URL = 2048;
const MAX_REDIRECTS = 3;
const REDIRECTS = [301, 302, 303, 307, 308];
/** Images that are fetched at once, for all requests. */
const MAX_FETCHES = 16;

export interface ImageFetcherOptions {
  /** Origins that images may come from. */
  readonly origins: readonly string[];
  /** Those of them that may have private addresses. */
  readonly allowPrivate: readonly string[];
  /** Milliseconds that an image may take, redirects and waiting included. */
  readonly timeoutMs: number;
  /** How names are looked up. @default the system's */
  readonly resolve?: Resolve;
}

export interface FetchOptions {
  /** Bytes of the image at most. */
  readonly maxBytes: number;
  /** Counts bytes before they are kept. @throws ServingError when there is no room for them */
  readonly reserve: (bytes: number) => void;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/**
 * Fetches images for clients, from where it was allowed to: a client must not reach through the server what it
 * cannot reach itself. Nothing of its request is passed on.
 */
export class ImageFetcher {
  readonly #options: ImageFetcherOptions;
  readonly #isAllowed: (url: URL) => boolean;
  readonly #mayBePrivate: (url: URL) => boolean;
  readonly #fetches = new Semaphore(MAX_FETCHES);

  constructor(options: ImageFetcherOptions) {
    this.#options = options;
    this.#isAllowed = originMatcher(options.origins);
    this.#mayBePrivate = originMatcher(options.allowPrivate);
  }

  /**
   * @throws ServingError BAD_REQUEST, IMAGE_URL_NOT_ALLOWED, IMAGE_URL_FAILED, PAYLOAD_TOO_LARGE, and
   *   what `reserve` throws; the reason of `signal` when it is aborted
   */
  async fetch(text: string, { signal, ...options }: FetchOptions): Promise<Buffer> {
    const first = urlOf(text);
    this.#requireAllowed(first);
    const time = AbortSignal.timeout(this.#options.timeoutMs);
    const ending = AbortSignal.any([signal, time]);
    try {
      return await this.#fetches.run(
        () => this.#follow(first, { ...options, signal: ending }),
        ending,
      );
    } catch (thrown) {
      signal.throwIfAborted();
      if (thrown instanceof ServingError) throw thrown;
      if (time.aborted) {
        throw failed(first, `it took longer than ${this.#options.timeoutMs} ms`, thrown);
      }
      if (thrown instanceof PrivateAddressError) throw notAllowed(thrown.message);
      throw failed(first, messageOf(thrown), thrown);
    }
  }

  async #follow(first: URL, options: FetchOptions): Promise<Buffer> {
    let url = first;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#get(url, options.signal);
      const { statusCode: status = 0, headers } = response;
      const { location } = headers;
      if (!REDIRECTS.includes(status) || location === undefined) {
        return await bodyOf(url, response, options);
      }
      response.destroy();
      url = urlOf(location, url);
      this.#requireAllowed(url);
    }
    throw failed(first, `it leads on more than ${MAX_REDIRECTS} times`);
  }

  /** @throws ServingError IMAGE_URL_NOT_ALLOWED */
  #requireAllowed(url: URL): void {
    if (url.username !== '' || url.password !== '') {
      throw notAllowed('An address with a user name is not fetched');
    }
    if (!this.#isAllowed(url)) {
      throw notAllowed(
        `Images of ${url.origin} are not fetched; allowed: ${this.#options.origins.join(', ')}`,
      );
    }
    try {
      if (!this.#mayBePrivate(url)) requirePublicLiteral(url.hostname);
    } catch (thrown) {
      throw notAllowed(messageOf(thrown));
    }
  }

  #get(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const { resolve = systemResolve } = this.#options;
    const send = url.protocol === 'https:' ? secureRequest : plainRequest;
    return new Promise((done, reject) => {
      send(url, {
        // A connection of its own: one that is kept was checked for another origin.
        agent: false,
        lookup: this.#mayBePrivate(url) ? anyLookup(resolve) : publicLookup(resolve),
        signal,
        headers: { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'tfjs-serving' },
      })
        .once('response', (response) => {
          // Its reader hears of it; there may be none when it breaks off.
          response.on('error', () => undefined);
          done(response);
        })
        .on('error', reject)
        .end();
    });
  }
}

/** @throws ServingError BAD_REQUEST */
function urlOf(text: string, base?: URL): URL {
  if (text.length <= MAX_URL && URL.canParse(text, base?.href)) return new URL(text, base);
  throw new ServingError(
    'BAD_REQUEST',
    `The value of "url" is not an absolute address of at most ${MAX_URL} characters`,
  );
}

async function bodyOf(
  url: URL,
  response: IncomingMessage,
  { maxBytes, reserve }: FetchOptions,
): Promise<Buffer> {
  const { statusCode, headers } = response;
  try {
    if (statusCode !== 200) throw failed(url, `it was answered with status ${statusCode ?? 0}`);
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') throw failed(url, `it has the Content-Encoding ${encoding}`);
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
    const chunks: Buffer[] = [];
    let total = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > maxBytes) throw tooLarge(maxBytes);
      reserve(chunk.length);
      chunks.push(chunk);
    }
    if (total === 0) throw failed(url, 'it is empty');
    return Buffer.concat(chunks, total);
  } finally {
    response.destroy();
  }
}

function notAllowed(message: string): ServingError {
  return new ServingError('IMAGE_URL_NOT_ALLOWED', message);
}

/** Without the query, which may hold a secret that the log should not have. */
function failed({ origin, pathname }: URL, why: string, cause?: unknown): ServingError {
  return new ServingError('IMAGE_URL_FAILED', `${origin}${pathname} cannot be fetched: ${why}`, {
    cause,
  });
}

function tooLarge(maxBytes: number): ServingError {
  return new ServingError('PAYLOAD_TOO_LARGE', `The image is over the limit of ${maxBytes} bytes`);
}
