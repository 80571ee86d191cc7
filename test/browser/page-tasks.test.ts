import path from 'node:path';

import type { Page } from 'playwright-core';

import type { TestBrowser } from '../support/browser';
import { inBrowser } from '../support/browser';
import { card, answered, findings, openPage, BOX, type PageServer } from '../support/page-server';
import { usePages } from '../support/page-suite';
import { startTestService } from '../support/service';
import { writeEncoder } from '../support/task-models';

inBrowser('the page at / shows what each task answers', () => {
  let server: PageServer;
  let browser: TestBrowser;
  let page: Page;
  let trouble: string[];

  usePages((suite) => {
    ({ server, browser, page, trouble } = suite);
  });

  test('a detector: boxes over the photo with their labels', async () => {
    await openPage(page, server, 'detector');
    await page.setInputFiles('#files', server.files.boxed);
    await answered(page, 'boxed.png');

    expect(await findings(page)).toEqual(['bright thing']);
    expect(await page.textContent('.box .tag')).toBe('bright thing 100.0%');
    const picture = await page.locator('.framed .photo').boundingBox();
    const box = await page.locator('.box').boundingBox();
    const scale = (picture?.width ?? 0) / 256;
    expect(box?.x).toBeCloseTo((picture?.x ?? 0) + BOX.left * scale, 0);
    expect(box?.y).toBeCloseTo((picture?.y ?? 0) + BOX.top * scale, 0);
    expect(box?.width).toBeCloseTo(BOX.width * scale, 0);

    await page.fill('#parameter-threshold', '1');
    await page.selectOption('#parameter-render', 'true');
    await page.locator('#side a', { hasText: 'Save as PNG' }).waitFor();
  });

  test('a segmentation: masks over the photo, with a legend of areas and an opacity', async () => {
    await openPage(page, server, 'segmenter');
    await page.setInputFiles('#files', server.files.halves);
    await answered(page, 'halves.png');

    expect((await findings(page)).sort()).toEqual(['greenness', 'redness']);
    expect(await page.locator('.legend .score').allTextContents()).toEqual(['50.0%', '50.0%']);
    /** Whether the canvas shows something at a share of its width. */
    const opaqueAt = (share: number) =>
      page.evaluate(`{
        const canvas = document.querySelector('canvas.layer');
        const [x, y] = [Math.round(canvas.width * ${share}), Math.round(canvas.height / 2)];
        const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
        copy.drawImage(canvas, -x, -y);
        copy.getImageData(0, 0, 1, 1).data[3] === 255;
      }`);
    expect([await opaqueAt(0.25), await opaqueAt(0.75)]).toEqual([true, true]);
    await page.locator('.legend li', { hasText: 'redness' }).locator('input').uncheck();
    expect([await opaqueAt(0.25), await opaqueAt(0.75)]).toEqual([false, true]);
    await page.focus('#side input[type=range]');
    await page.keyboard.press('Home');
    expect(await page.getAttribute('canvas.layer', 'style')).toBe('opacity: 0;');
  });

  test('a picture from a picture: before and after', async () => {
    await openPage(page, server, 'enlarger');
    await page.setInputFiles('#files', server.files.boxed);
    await answered(page, 'boxed.png');

    expect(await page.textContent('#side')).toContain('512 × 256 pixels');
    await page.focus('.compare input');
    await page.keyboard.press('Home');
    expect(await page.getAttribute('.compare .before', 'style')).toContain(
      'inset(0px 100% 0px 0px)',
    );
    expect(await page.getAttribute('#side a', 'download')).toBe('boxed-512x256.png');
    expect(await page.textContent('#code pre')).toContain("-o 'boxed-enlarger.png'");
  });

  test('vectors: how alike pictures of this visit are', async () => {
    await openPage(page, server, 'encoder');
    await page.setInputFiles('#files', server.files.red);
    await answered(page, 'red.png');
    expect(await page.textContent('#side')).toMatch(
      /3 numbers, length 1\.000.*Send another picture/,
    );
    await page.setInputFiles('#files', [server.files.reddish, server.files.halves]);
    await page.locator('.alike li').nth(1).waitFor();

    expect(await page.locator('.alike .label').allTextContents()).toEqual([
      'red.png',
      'halves.png',
    ]);
    const [like, unlike] = (await page.locator('.alike .score').allTextContents()).map(Number);
    expect(like).toBeGreaterThan(0.9);
    expect(unlike).toBeLessThan(like ?? 0);
  });

  test('a model of tensors: how it is called, in words that work', async () => {
    await openPage(page, server, 'half');
    await page.locator('#tensor table').first().waitFor();

    expect(await page.locator('#drop').isVisible()).toBe(false);
    const curl = (await page.textContent('#tensor-code pre')) ?? '';
    const [, body = '', url = ''] = /-d '(.*)' \\\n {2}'(.*)'$/s.exec(curl) ?? [];
    const response = await fetch(url, { method: 'POST', body });
    expect(await response.json()).toEqual({ outputs: [2.25] });
  });

  test('a model that is loaded on demand is brought into memory when it is chosen', async () => {
    const models = path.join(server.folder, 'on-demand');
    const input = { fit: 'fill' };
    await writeEncoder(path.join(models, 'awake'), 16, { input });
    await writeEncoder(path.join(models, 'sleeper'), 16, { input, residency: 'onDemand' });
    const service = await startTestService({ modelRepository: models });
    const other = await browser.page(service.url, trouble);
    try {
      await other.goto(`${service.url}/`);
      const sleeper = card(other, 'sleeper');
      await sleeper.locator('.state', { hasText: 'Loaded when asked · version 1' }).waitFor();
      await sleeper.click();
      await sleeper.locator('.state', { hasText: 'Ready · version 1' }).waitFor();
      await other.setInputFiles('#files', server.files.red);
      await answered(other, 'sleeper · red.png');

      expect(await other.textContent('#side')).toContain('3 numbers');
    } finally {
      await other.close();
      await service.stop();
    }
  });
});
