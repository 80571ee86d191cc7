import axe from 'axe-core';
import type { Page } from 'playwright-core';

import { listen, type HttpServer } from '../../src/http/server';
import type { ImageSource } from '../../src/inference/image-request';
import { imageClassification } from '../../src/tasks/image-classification/task';
import { createBareApps } from '../support/bare-app';
import { testBodies } from '../support/bodies';
import { inBrowser, TestBrowser } from '../support/browser';
import { card } from '../support/pictures';
import { A_PHOTO } from '../support/inputs';
import { resultOf, TIMINGS } from '../support/predictions';
import {
  makeRepository,
  photo,
  removeFolder,
  shippedModel,
  startTestService,
  toy,
} from '../support/service';

inBrowser('the page of the document', () => {
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
  let browser: TestBrowser;
  let page: Page;
  let trouble: string[];
  let picture: Buffer;

  beforeAll(async () => {
    picture = await card().png().toBuffer();
    server = await listen(app, {
      host: '127.0.0.1',
      port: 0,
      requestTimeoutMs: 60_000,
      keepAliveTimeoutMs: 1000,
    });
    browser = await TestBrowser.open();
  });
  afterAll(async () => {
    await browser.close();
    server.destroy();
    await server.close();
    close();
  });
  beforeEach(() => {
    received = [];
    trouble = [];
  });
  afterEach(async () => {
    await page.close();
    expect(trouble).toEqual([]);
  });

  async function open(url: string, operation = 'classify'): Promise<void> {
    page = await browser.page(url, trouble);
    await page.goto(`${url}/docs#${operation}`);
    await page.locator(`#${operation} .send`).waitFor();
  }

  async function send(): Promise<number> {
    const answered = page.waitForResponse(/\/classify/);
    await page.click('#classify .send');
    const status = (await answered).status();
    await page.locator('#classify .answer .status', { hasText: String(status) }).waitFor();
    return status;
  }

  test.each(['multipart/form-data', 'image/*', 'application/octet-stream'])(
    'sends a file as %s',
    async (type) => {
      await open(server.url);
      await page.selectOption('#classify-body-type', type);
      const file = { name: 'a.png', mimeType: 'image/png', buffer: picture };
      await page.setInputFiles('#classify-body-file', file);

      expect(await send()).toBe(200);
      expect(received.map((image) => Buffer.from(image as Uint8Array))).toEqual([picture]);
      expect(await page.textContent('#classify .answer pre')).toContain('arrived');
    },
  );

  test('sends JSON', async () => {
    await open(server.url);
    await page.selectOption('#classify-body-type', 'application/*');
    const body = JSON.stringify({ image: { b64: picture.toString('base64') } });
    await page.fill('#classify-body-text', body);

    expect(await send()).toBe(200);
    expect(received.map((image) => Buffer.from(image as Uint8Array))).toEqual([picture]);
  });

  test('has every operation of the document, and finds them by words', async () => {
    await open(server.url);
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as any;
    const paths = new Set(await page.locator('.operation .path').allTextContents());

    expect(paths).toEqual(new Set(Object.keys(document.paths)));
    await page.fill('#search', 'health live');
    expect(await page.locator('.operation:visible .path').allTextContents()).toEqual([
      '/v2/health/live',
    ]);
    await page.fill('#search', 'no such thing');
    expect(await page.locator('#nothing').isVisible()).toBe(true);
  });

  describe('with a server that has models', () => {
    let repository: string;
    let service: Awaited<ReturnType<typeof startTestService>>;

    beforeAll(async () => {
      repository = await makeRepository({
        lite: shippedModel('efficientnet-lite0'),
        half: toy('half_plus_two'),
      });
      service = await startTestService({ modelRepository: repository });
    });
    afterAll(async () => {
      await service.stop();
      await removeFolder(repository);
    });

    test('lists them, and fills their names in', async () => {
      await open(service.url);
      expect(await page.locator('.model-list li').allTextContents()).toEqual([
        'half tensor',
        'lite image-classification',
      ]);
      await page.locator('.model-list button', { hasText: 'lite' }).click();
      expect(await page.inputValue('#classify-name')).toBe('lite');
      await page.setInputFiles('#classify-body-file', photo('coffee.jpg'));

      expect(await send()).toBe(200);
      expect(await page.textContent('#classify .answer pre')).toContain('espresso');
    });

    test.each(['light', 'dark'] as const)('has no fault that axe finds: %s', async (scheme) => {
      await open(service.url);
      await page.emulateMedia({ colorScheme: scheme });
      await page.locator('.model-list').waitFor();
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');

      expect(
        violations.map(({ id, nodes }) => `${id}: ${nodes.map((one) => one.target).join()}`),
      ).toEqual([]);
    });

    test('fits the width of a phone', async () => {
      await open(service.url);
      await page.setViewportSize({ width: 390, height: 844 });

      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    });
  });
});
