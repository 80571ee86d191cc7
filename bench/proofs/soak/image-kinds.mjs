import assert from 'node:assert/strict';

import {
  CLASSIFY,
  GENERATE,
  requireLogits,
  requirePixels,
  requirePredictions,
} from './pictures.mjs';
import { fileRequest, formRequest, jsonRequest, parseJson, splitBinary } from './requests.mjs';

const base64 = (file) => file.toString('base64');
const list = (length, make) => Array.from({ length }, make);

/** Requests of photos and small pictures, in every way they can be sent. */
export function imageKinds(photos, pictures) {
  const classified = (chosen) => (answer) => {
    const { results } = parseJson(answer);
    assert.equal(results.length, chosen.length);
    results.forEach(({ predictions }, index) => requirePredictions(predictions, chosen[index]));
  };
  const some = (random, most) => list(random.from(2, most), () => random.pick(photos));
  const one = (make) => (random) => make(random.pick(photos));

  const file = one((photo) => ({
    ...fileRequest(CLASSIFY, photo.file),
    check: classified([photo]),
  }));
  const form = one((photo) => ({
    ...formRequest(CLASSIFY, [photo.file]),
    check: classified([photo]),
  }));
  const forms = (random) => {
    const chosen = some(random, 5);
    const files = chosen.map((photo) => photo.file);
    return { ...formRequest(CLASSIFY, files), check: classified(chosen) };
  };
  const json = one((photo) => {
    const request = jsonRequest(CLASSIFY, { image: { b64: base64(photo.file) } });
    return { ...request, check: classified([photo]) };
  });
  const jsons = (random) => {
    const chosen = some(random, 3);
    const images = chosen.map((photo) => ({ b64: base64(photo.file) }));
    return { ...jsonRequest(CLASSIFY, { images }), check: classified(chosen) };
  };
  const broken = (random) => {
    const chosen = some(random, 4);
    const files = chosen.map((photo) => photo.file);
    const place = random.below(files.length + 1);
    files.splice(place, 0, random.pick(photos).file.subarray(0, 1500));
    return { ...formRequest(CLASSIFY, files), check: (answer) => oneBroken(answer, place, chosen) };
  };
  const v1 = (random) => {
    const chosen = some(random, 3);
    const instances = chosen.map((photo) => ({ b64: base64(photo.file) }));
    const check = (answer) => {
      const { predictions } = parseJson(answer);
      assert.equal(predictions.length, chosen.length);
      predictions.forEach((logits, index) => requireLogits(logits, chosen[index]));
    };
    return { ...jsonRequest('/v1/models/classifier:predict', { instances }), check };
  };
  return [
    { name: 'photo as file', weight: 6, make: file },
    { name: 'form, one photo', weight: 5, make: form },
    { name: 'form, several photos', weight: 3, make: forms },
    { name: 'form, one photo broken', weight: 2, make: broken },
    { name: 'JSON, one photo', weight: 3, make: json },
    { name: 'JSON, several photos', weight: 2, make: jsons },
    { name: 'v1 photos', weight: 2, make: v1 },
    { name: 'v2 photo, labels', weight: 2, make: one(v2Labels) },
    { name: 'v2 photo, raw binary', weight: 2, make: one(v2Raw) },
    { name: 'generate, picture', weight: 3, make: (random) => generate(random.pick(pictures)) },
    { name: 'generate, JSON', weight: 2, make: (random) => generateJson(random, pictures) },
  ];
}

/** The broken one is at `place`, the others are answered. */
function oneBroken(answer, place, chosen) {
  const { results } = parseJson(answer);
  assert.equal(results.length, chosen.length + 1);
  const [{ error }] = results.splice(place, 1);
  // A GIF or TIFF that is cut may be told by its header already.
  assert.match(error?.code ?? 'none', /^(UNDECODABLE_IMAGE|UNSUPPORTED_IMAGE_FORMAT)$/);
  results.forEach(({ predictions }, index) => requirePredictions(predictions, chosen[index]));
}

function v2Labels(photo) {
  const inputs = [{ name: 'images', datatype: 'BYTES', shape: [1, 1], data: [base64(photo.file)] }];
  const outputs = [{ name: 'logits', parameters: { classification: 2 } }];
  const check = (answer) => {
    const [{ data, shape }] = parseJson(answer).outputs;
    assert.deepEqual(shape, [1, 2]);
    assert.equal(Number(data[0].split(':')[1]), photo.top, data[0]);
  };
  return { ...jsonRequest('/v2/models/classifier/infer', { inputs, outputs }), check };
}

function v2Raw(photo) {
  const path = '/v2/models/classifier/infer';
  const headers = { 'Inference-Header-Content-Length': '0' };
  const check = (answer) => {
    // A copy begins where a float may.
    const bytes = Uint8Array.from(splitBinary(answer).logits);
    requireLogits(new Float32Array(bytes.buffer), photo);
  };
  return { path, headers, body: photo.file, check };
}

function generate(picture) {
  const check = async ({ status, headers, body }) => {
    assert.equal(status, 200, body.toString('utf8', 0, 500));
    assert.equal(headers['content-type'], 'image/png');
    await requirePixels(body, picture);
  };
  return { ...fileRequest(GENERATE, picture.file), check };
}

function generateJson(random, pictures) {
  const chosen = list(random.from(1, 3), () => random.pick(pictures));
  const check = async (answer) => {
    const { results } = parseJson(answer);
    assert.equal(results.length, chosen.length);
    for (const [index, { image }] of results.entries()) {
      await requirePixels(Buffer.from(image.b64, 'base64'), chosen[index]);
    }
  };
  const request = formRequest(
    GENERATE,
    chosen.map(({ file }) => file),
  );
  return { ...request, headers: { ...request.headers, Accept: 'application/json' }, check };
}
