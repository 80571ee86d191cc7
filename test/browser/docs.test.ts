import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { chromium, type BrowserContext, type Page } from 'playwright-core';

import { listen, type HttpServer } from '../../src/http/server';
import type { ImageSource } from '../../src/inference/image-request';
import { testBodies } from '../support/bodies';
import { imageClassification } from '../../src/tasks/image-classification/task';
import { createBareApps } from '../support/bare-app';
import { resultOf, TIMINGS } from '../support/predictions';
import { CHROMIUM_FLAGS, findChromium } from '../support/chromium';
import { card } from '../support/pictures';
import { A_PHOTO } from '../support/inputs';

const executablePath = findChromium(process.env);
if (executablePath === undefined) {
  console.warn('Skipped: no chromium on the PATH and TFJS_SERVING_TEST_CHROMIUM is not set');
}
const inBrowser = executablePath === undefined ? describe.skip : describe;

inBrowser('the page of the document sends images', () => {
  /** Images that arrived. */
  let received: readonly ImageSource[];
  const { app, close } = createBareApps({
    bodies: testBodies({ maxBodyBytes: 1e6, maxFileBytes: 1e6, maxFiles: 4 }),
    inference: {
      admit: () => ({ task: imageClassification, inputs: A_PHOTO }),
      answer: ({ images }) => {
        received = images;
        const results = images.map((image) => resultOf(image, () => 'arrived'));
        return Promise.resolve({ model: 'm', version: 1, results, timings: TIMINGS });
      },
    },
  });
  let server: HttpServer;
  let folder: string;
  let context: BrowserContext;
  let page: Page;
  let picture: Buffer;

  beforeAll(async () => {
    picture = await card().png().toBuffer();
    server = await listen(app, {
      host: '127.0.0.1',
      port: 0,
      requestTimeoutMs: 60_000,
      keepAliveTimeoutMs: 1000,
    });
    folder = await mkdtemp(path.join(tmpdir(), 'browser-'));
    context = await chromium.launchPersistentContext(path.join(folder, 'profile'), {
      ...(executablePath !== undefined && { executablePath }),
      headless: true,
      args: CHROMIUM_FLAGS,
    });
  });
  afterAll(async () => {
    await context.close();
    server.destroy();
    await server.close();
    close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    received = [];
    page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(`${server.url}/docs#/Images/classify`);
    await page.click('#operations-Images-classify .try-out__btn');
  });
  afterEach(() => page.close());

  const operation = '#operations-Images-classify';

  async function execute(): Promise<number> {
    const answered = page.waitForResponse(/\/classify/);
    await page.click(`${operation} button.execute`);
    return (await answered).status();
  }

  test.each(['image/*', 'application/octet-stream'])('as a file of %s', async (type) => {
    await page.selectOption(`${operation} .body-param-content-type select`, type);
    const file = { name: 'a.png', mimeType: 'image/png', buffer: picture };
    await page.setInputFiles(`${operation} .opblock-section-request-body input[type=file]`, file);

    expect(await execute()).toBe(200);
    expect(received).toEqual([picture]);
  });

  test('as JSON', async () => {
    await page.selectOption(`${operation} .body-param-content-type select`, 'application/*');
    const body = JSON.stringify({ image: { b64: picture.toString('base64') } });
    await page.fill(`${operation} textarea.body-param__text`, body);

    expect(await execute()).toBe(200);
    expect(received.map((image) => Buffer.from(image as Uint8Array))).toEqual([picture]);
  });
});
