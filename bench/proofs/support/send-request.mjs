import http from 'node:http';
import { buffer } from 'node:stream/consumers';

/**
 * Sends a request and reads the answer.
 * @param {string} url
 * @param {object} [options]
 * @param {string} [options.method]
 * @param {http.OutgoingHttpHeaders} [options.headers]
 * @param {Uint8Array} [options.body]
 * @param {http.Agent | false} [options.agent] `false` for a connection of its own, which ends with the answer
 * @param {number} [options.timeoutMs] milliseconds in which nothing comes, after which it is an error
 * @returns {Promise<{ status: number | undefined, headers: http.IncomingHttpHeaders, body: Buffer }>}
 */
export function sendRequest(
  url,
  { method = 'GET', headers = {}, body = Buffer.alloc(0), agent = false, timeoutMs = 60_000 } = {},
) {
  return new Promise((resolve, reject) => {
    const options = { method, agent, headers: { ...headers, 'Content-Length': body.length } };
    const request = http.request(url, options, (response) => {
      const { statusCode: status, headers: answered } = response;
      buffer(response).then((bytes) => resolve({ status, headers: answered, body: bytes }), reject);
    });
    request.setTimeout(timeoutMs, () => request.destroy(new Error(`${url} does not answer`)));
    request.once('error', reject);
    request.end(body);
  });
}
