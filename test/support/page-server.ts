import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Page } from 'playwright-core';
import sharp from 'sharp';

import type { Service } from '../../src/compose';
import { addVersion, photo, removeFolder, shippedModel, startTestService, toy } from './service';
import { writeColourSegmenter, writeDetector, writeEncoder } from './task-models';

const SIDE = 64;
/** The white box on black of `boxed`, in pixels of 256 × 128. */
export const BOX = { left: 96, top: 32, width: 48, height: 64 };

type PictureName = 'boxed' | 'halves' | 'red' | 'reddish' | 'large';

/** A server with a model of every task, of which it is known what is right. */
export interface PageServer {
  readonly service: Service;
  readonly folder: string;
  /** Files of pictures by what is on them. */
  readonly files: Readonly<Record<PictureName, string>>;
  close(): Promise<void>;
}

export async function startPageServer(): Promise<PageServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'page-'));
  const files = await drawPictures(folder);
  const models = path.join(folder, 'models');
  const at = (name: string): string => path.join(models, name);
  await addVersion(models, 'lite', 1, shippedModel('efficientnet-lite0'));
  await addVersion(models, 'enlarger', 1, shippedModel('span-x2'));
  await addVersion(models, 'half', 1, toy('half_plus_two'));
  await mkdir(path.join(at('broken'), '1'), { recursive: true });
  await writeFile(path.join(at('broken'), '1', 'saved_model.pb'), 'not a model');
  await writeDetector(at('detector'), SIDE, {
    input: { kernel: 'nearest', fit: 'fill' },
    labels: 'labels.txt',
    nms: { iou: 0.5 },
  });
  await writeFile(path.join(at('detector'), 'labels.txt'), 'nothing\nbright thing\n');
  await writeColourSegmenter(at('segmenter'), SIDE, {
    input: { fit: 'fill', kernel: 'nearest' },
    outputs: { mask: { activation: 'softmax' } },
    labels: 'labels.txt',
  });
  await writeFile(path.join(at('segmenter'), 'labels.txt'), 'redness\ngreenness\nblueness\n');
  await writeEncoder(at('encoder'), SIDE, { input: { fit: 'fill' } });
  const service = await startTestService({ modelRepository: models });
  const close = async (): Promise<void> => {
    await service.stop();
    await removeFolder(folder);
  };
  return { service, folder, files, close };
}

/** Opens the page with a model chosen. */
export async function openPage(page: Page, server: PageServer, model: string): Promise<void> {
  await page.goto(`${server.service.url}/#${model}`);
  await chosen(page, model);
}

export function card(page: Page, model: string) {
  return page.locator('.card', { hasText: model });
}

/** Waits until a model is chosen, and its parameters are there. */
export async function chosen(page: Page, model: string): Promise<void> {
  await page.locator('.card:has(input:checked) .name', { hasText: model }).waitFor();
}

/** Waits for what is answered of a picture, and is shown. */
export async function answered(page: Page, name: string): Promise<void> {
  await page.locator('#answer-of', { hasText: name }).waitFor();
  await page.locator('#timings').waitFor();
}

/** Labels of what was found, in order. */
export function findings(page: Page): Promise<string[]> {
  return page.locator('#side .findings li .label').allTextContents();
}

async function drawPictures(folder: string): Promise<Record<PictureName, string>> {
  const size = { width: 256, height: 128, channels: 3 } as const;
  const plain = (background: string) => sharp({ create: { ...size, background } });
  const half = { create: { ...size, width: 128, background: '#00ff00' } };
  const box = {
    create: { width: BOX.width, height: BOX.height, channels: 3, background: '#ffffff' },
  } as const;
  const pictures = {
    boxed: plain('#000000').composite([{ input: box, left: BOX.left, top: BOX.top }]),
    halves: plain('#ff0000').composite([{ input: half, left: 128, top: 0 }]),
    red: plain('#ff0000'),
    reddish: plain('#dd2222'),
    large: sharp(photo('coffee.jpg')).resize(2400, 1600, { fit: 'fill' }).jpeg({ quality: 95 }),
  };
  const files = Object.entries(pictures).map(async ([name, picture]) => {
    const file = path.join(folder, `${name}.${name === 'large' ? 'jpg' : 'png'}`);
    await picture.toFile(file);
    return [name, file] as const;
  });
  return Object.fromEntries(await Promise.all(files)) as Record<keyof typeof pictures, string>;
}
