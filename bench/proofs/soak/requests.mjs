import assert from 'node:assert/strict';

const BOUNDARY = 'soak-boundary';

/** A POST of JSON. */
export function jsonRequest(path, value) {
  const headers = { 'Content-Type': 'application/json' };
  return { path, headers, body: Buffer.from(JSON.stringify(value)) };
}

/** A POST of a form with these files in the field `image`. */
export function formRequest(path, files) {
  const parts = files.flatMap((file, index) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="${index}"\r\n\r\n`,
    file,
    '\r\n',
  ]);
  const body = Buffer.concat([...parts, `--${BOUNDARY}--\r\n`].map((part) => Buffer.from(part)));
  return { path, headers: { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` }, body };
}

/** A POST of the file itself. */
export function fileRequest(path, body, type = 'application/octet-stream') {
  return { path, headers: { 'Content-Type': type }, body };
}

/** The JSON of an answer that has to be 200. */
export function parseJson({ status, body }) {
  assert.equal(status, 200, `${status}: ${body.toString('utf8', 0, 500)}`);
  return JSON.parse(body.toString());
}

/** The binary tensors of an answer that has to be 200, by name. */
export function splitBinary({ status, headers, body }) {
  assert.equal(status, 200, `${status}: ${body.toString('utf8', 0, 500)}`);
  let at = Number(headers['inference-header-content-length']);
  const tensors = {};
  for (const { name, parameters } of JSON.parse(body.toString('utf8', 0, at)).outputs) {
    const end = at + parameters.binary_data_size;
    tensors[name] = body.subarray(at, end);
    at = end;
  }
  assert.equal(at, body.length, 'bytes are left over');
  return tensors;
}
