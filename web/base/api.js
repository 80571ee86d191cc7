/** Talking to the server that the page came from. Addresses are relative: a proxy may add a prefix. */

const KEY = 'tfjs-serving-key';

/** Kept by the browser for this tab alone, until it is closed. */
export const apiKey = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  /** @param {string} value empty: none */
  set(value) {
    if (value === '') sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  },
};

/** An answer that is not a success, in the words of the server. */
export class Problem extends Error {
  /**
   * @param {{ status?: number, code?: string, title?: string, detail?: string, retriable?: boolean,
   *   requestId?: string, retryAfterS?: number | undefined }} details
   */
  constructor(details) {
    super(details.detail ?? details.title ?? 'The request failed');
    this.status = details.status ?? 0;
    this.code = details.code ?? '';
    this.title = details.title ?? '';
    this.retriable = details.retriable ?? false;
    this.requestId = details.requestId ?? '';
    this.retryAfterS = details.retryAfterS;
  }
}

/** The server did not answer at all. */
const UNREACHABLE = {
  title: 'The server cannot be reached',
  detail:
    'There was no answer. Is the server still running, and is this machine still on the network?',
  retriable: true,
};

/**
 * @param {number} status
 * @param {string} text body
 * @param {(name: string) => string | null} header
 */
function problemOf(status, text, header) {
  const retryAfter = header('Retry-After');
  const retryAfterS = retryAfter === null ? undefined : Number(retryAfter);
  try {
    const body = JSON.parse(text);
    // Under /v1 and /v2 errors are {"error": "…"}.
    const details = typeof body.error === 'string' ? { detail: body.error } : body;
    const code = header('X-Error-Code') ?? '';
    return new Problem({ code, ...details, status, retryAfterS });
  } catch {
    const detail = `The answer has status ${status} and is not from tfjs-serving: a proxy in between may have answered`;
    return new Problem({ status, title: 'Not the expected answer', detail, retryAfterS });
  }
}

function authorization() {
  const key = apiKey.get();
  return key === '' ? {} : { Authorization: `Bearer ${key}` };
}

/**
 * GET.
 * @param {string} path relative to the page
 * @returns {Promise<Response>}
 * @throws {Problem}
 */
export async function ask(path) {
  let response;
  try {
    response = await fetch(path, { headers: authorization(), cache: 'no-store' });
  } catch {
    throw new Problem(UNREACHABLE);
  }
  if (response.ok) return response;
  const { headers } = response;
  throw problemOf(response.status, await response.text(), (name) => headers.get(name));
}

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} text
 * @property {Blob} blob
 * @property {(name: string) => string | null} header
 */

/**
 * Sends something with its progress, which `fetch` does not tell.
 * @param {{ method: string, path: string, body?: XMLHttpRequestBodyInit | undefined,
 *   headers?: Readonly<Record<string, string>> | undefined, signal?: AbortSignal | undefined,
 *   onProgress?: ((sent: number, total: number) => void) | undefined }} request
 * @returns {Promise<Answer>} whatever the status is
 * @throws {Problem} where there is no answer
 */
export function send({ method, path, body, headers = {}, signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.responseType = 'blob';
    for (const [name, value] of Object.entries({ ...authorization(), ...headers })) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded, total }) => onProgress?.(loaded, total);
    request.onload = async () => {
      const blob = /** @type {Blob} */ (request.response);
      const isText = /json|text|xml|javascript/.test(blob.type);
      resolve({
        status: request.status,
        text: isText ? await blob.text() : '',
        blob,
        header: (name) => request.getResponseHeader(name),
      });
    };
    request.onerror = () => reject(new Problem(UNREACHABLE));
    request.onabort = () => reject(new DOMException('Cancelled', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    request.send(body ?? null);
  });
}

/**
 * @param {Answer} answer
 * @returns {any} what its JSON holds
 * @throws {Problem}
 */
export function successOf({ status, text, header }) {
  if (status < 200 || status > 299) throw problemOf(status, text, header);
  return JSON.parse(text);
}
