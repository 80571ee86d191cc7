import assert from 'node:assert/strict';

import { CLASSIFY, GENERATE } from './pictures.mjs';
import { fileRequest, formRequest, jsonRequest } from './requests.mjs';

export const MAX_FILE_BYTES = 300_000;
export const MAX_BODY_BYTES = 2_000_000;

/**
 * Requests that have to fail, by the code that they have to fail with.
 * @param photo the bytes of one
 * @param tiny those of a picture that is smaller than the model takes
 */
export function failureKinds(photo, tiny) {
  const v1 = (model, body) => jsonRequest(`/v1/models/${model}:predict`, body);
  const v2 = (model, input, rest = {}) =>
    jsonRequest(`/v2/models/${model}/infer`, {
      ...rest,
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1], ...input }],
    });
  const noAccept = fileRequest(CLASSIFY, photo);
  noAccept.headers.Accept = 'text/html';
  const badJson = jsonRequest(CLASSIFY, {});
  badJson.body = Buffer.from('{"image": {"b64": ');

  const requests = {
    UNDECODABLE_IMAGE: [fileRequest(CLASSIFY, photo.subarray(0, 2000))],
    UNSUPPORTED_IMAGE_FORMAT: [
      fileRequest(CLASSIFY, Buffer.from('<svg/>')),
      formRequest(CLASSIFY, ['text']),
    ],
    IMAGE_SIZE_NOT_ALLOWED: [fileRequest(GENERATE, tiny)],
    INVALID_INPUT: [
      v1('half_plus_two', { instances: [[1], [2]] }),
      v2('half_plus_two', { shape: [1, 2], data: [1, 2] }),
    ],
    MODEL_NOT_FOUND: [
      v1('nobody', { instances: [1] }),
      v2('nobody', {}),
      fileRequest('/models/nobody/classify', photo),
    ],
    VERSION_NOT_FOUND: [fileRequest('/models/classifier/versions/7/classify', photo)],
    WRONG_TASK: [fileRequest('/models/classifier/generate', photo)],
    NOT_ACCEPTABLE: [noAccept],
    BAD_REQUEST: [
      badJson,
      v1('half_plus_two', { instances: [] }),
      fileRequest(`${CLASSIFY}?top=0`, photo),
    ],
    PAYLOAD_TOO_LARGE: [
      fileRequest(CLASSIFY, Buffer.alloc(MAX_FILE_BYTES + 1)),
      formRequest(CLASSIFY, [photo, Buffer.alloc(MAX_FILE_BYTES + 1)]),
      v1('half_plus_two', { instances: 'x'.repeat(MAX_BODY_BYTES) }),
    ],
    QUEUE_TIMEOUT: [v2('half_plus_two', {}, { parameters: { timeout: 1 } })],
  };
  return Object.entries(requests).map(([code, some]) => ({
    name: `fails: ${code}`,
    weight: 0.8,
    make: (random) => ({ ...random.pick(some), check: (answer) => requireCode(answer, code) }),
  }));
}

function requireCode({ status, headers, body }, code) {
  const text = body.toString('utf8', 0, 500);
  assert.equal(headers['x-error-code'], code, `${status}: ${text}`);
  const { detail, error } = JSON.parse(text);
  assert.ok((detail ?? error).length > 0);
}
