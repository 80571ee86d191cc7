import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import sharp from 'sharp';

import { sendRequest } from '../support/send-request.mjs';
import { ROOT } from '../support/start-server.mjs';
import { fileRequest, parseJson } from './requests.mjs';

export const CLASSIFY = '/models/classifier/classify';
export const GENERATE = '/models/upscaler/generate';
const PHOTOS = ['astronaut.jpg', 'camera-grey.jpg', 'chelsea.jpg', 'coffee.jpg', 'rocket.jpg'];
const MAX_SCORE_DIFFERENCE = 1e-4;
/** Of 255: a rounding that falls the other way in another batch. */
const MAX_PIXEL_DIFFERENCE = 1;

/** The photos, and smaller ones in other formats, each with its scores by class when it is sent alone. */
export async function photosWithScores(url) {
  const bytes = PHOTOS.map((name) => readFileSync(path.join(ROOT, 'test/fixtures/photos', name)));
  const small = (index) => sharp(bytes[index]).resize(160, 120);
  const others = await Promise.all([
    small(2).png().toBuffer(),
    small(3).webp().toBuffer(),
    small(4).gif().toBuffer(),
    small(0).tiff().toBuffer(),
  ]);
  const photos = [];
  for (const file of [...bytes, ...others]) {
    const answer = await post(url, fileRequest(`${CLASSIFY}?top=1000`, file));
    const { predictions } = parseJson(answer).results[0];
    const scores = new Map(predictions.map(({ index, score }) => [index, score]));
    photos.push({ file, top: predictions[0].index, scores });
  }
  return photos;
}

/** Small pictures of several sizes, each with the pixels of its enlargement when it is sent alone. */
export async function picturesWithPixels(url) {
  const source = readFileSync(path.join(ROOT, 'test/fixtures/photos/chelsea.jpg'));
  const pictures = [];
  for (const [width, height] of [
    [16, 16],
    [24, 32],
    [48, 32],
    [40, 40],
  ]) {
    const file = await sharp(source).resize(width, height, { fit: 'fill' }).png().toBuffer();
    const { status, body } = await post(url, fileRequest(GENERATE, file));
    assert.equal(status, 200, body.toString());
    const pixels = await sharp(body).raw().toBuffer();
    assert.equal(pixels.length, 3 * 2 * width * 2 * height);
    pictures.push({ file, pixels });
  }
  return pictures;
}

/** A picture of 8 by 8 pixels. */
export function tinyPicture() {
  return sharp({ create: { width: 8, height: 8, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();
}

function post(url, { path: address, ...options }) {
  return sendRequest(url + address, { method: 'POST', ...options });
}

/** @param predictions of the image API */
export function requirePredictions(predictions, { top, scores }) {
  assert.equal(predictions[0].index, top, 'another class');
  for (const { index, score } of predictions) requireScore(index, score, scores);
}

/** @param logits of one image, whose softmax has to be its scores */
export function requireLogits(logits, { top, scores }) {
  assert.equal(logits.length, scores.size);
  const highest = logits.reduce((a, b) => Math.max(a, b));
  const powers = Array.from(logits, (value) => Math.exp(value - highest));
  const sum = powers.reduce((a, b) => a + b);
  assert.equal(logits.indexOf(highest), top, 'another class');
  for (const [index, power] of powers.entries()) requireScore(index, power / sum, scores);
}

function requireScore(index, score, scores) {
  const difference = Math.abs(score - scores.get(index));
  assert.ok(
    difference <= MAX_SCORE_DIFFERENCE,
    `the score of class ${index} is off by ${difference}`,
  );
}

export async function requirePixels(file, { pixels }) {
  const found = await sharp(file).raw().toBuffer();
  assert.equal(found.length, pixels.length);
  const difference = found.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - pixels[at])),
    0,
  );
  assert.ok(difference <= MAX_PIXEL_DIFFERENCE, `a pixel is off by ${difference}`);
}
