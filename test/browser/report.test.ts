import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { chromium, type BrowserContext, type Page } from 'playwright-core';

import { writeReport } from '../../src/commands/score/report/write-report';
import type { ScoreRow } from '../../src/commands/score/rows/score-row';
import { CHROMIUM_FLAGS, findChromium } from '../support/chromium';
import { card } from '../support/pictures';
import { failed, generate, generated, scored } from '../support/report-rows';

const executablePath = findChromium(process.env);
if (executablePath === undefined) {
  console.warn('Skipped: no chromium on the PATH and TFJS_SERVING_TEST_CHROMIUM is not set');
}
const inBrowser = executablePath === undefined ? describe.skip : describe;

const HOSTILE = '</script><img src=x onerror="document.title=1">.png';

inBrowser('the report in a browser', () => {
  let folder: string;
  let context: BrowserContext;
  let page: Page;
  /** What no page may cause: errors on the console, requests beyond the page and its folder. */
  let trouble: string[];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'browser-'));
    await writeFile(path.join(folder, 'cat.png'), await card().png().toBuffer());
    await writeFile(path.join(folder, 'big.png'), await card(128, 96).png().toBuffer());
    context = await chromium.launchPersistentContext(path.join(folder, 'profile'), {
      ...(executablePath !== undefined && { executablePath }),
      headless: true,
      args: CHROMIUM_FLAGS,
      viewport: { width: 1280, height: 900 },
    });
  });
  afterAll(async () => {
    await context.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    trouble = [];
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => trouble.push(message.text()));
    page.on('pageerror', (error) => trouble.push(error.message));
    page.on('request', (request) => {
      if (!/^(data:|file:)/.test(request.url())) trouble.push(request.url());
    });
  });
  afterEach(async () => {
    await page.close();
    expect(trouble).toEqual([]);
  });

  /** 130 images of cats and dogs, dogs with the odd numbers, a hostile one and two errors. */
  async function openClassified(inlineLimit?: number): Promise<void> {
    const rows: ScoreRow[] = Array.from({ length: 130 }, (_, at) =>
      scored(
        at === 0 ? 'cat.png' : `photo-${at}.png`,
        at % 2 === 0 ? [[0, 'cat', (at + 1) / 200]] : [[1, 'dog', (at + 1) / 200]],
        folder,
      ),
    );
    rows.push(scored(HOSTILE, [[2, HOSTILE, 0.99]], folder));
    rows.push(failed('broken.jpg'), failed('notes.txt', 'UNSUPPORTED_IMAGE_FORMAT', HOSTILE));
    const labels = path.join(folder, 'labels.csv');
    await writeFile(labels, 'file,label\ncat.png,cat\nphoto-1.png,cat\nphoto-2.png,cat\n');
    await open(rows, labels, inlineLimit);
  }

  async function open(
    rows: readonly ScoreRow[],
    labelsFile?: string,
    inlineLimit?: number,
  ): Promise<void> {
    const target = path.join(folder, 'report.html');
    const options = { outDir: folder, labelsFile, inlineLimit };
    await writeReport({ rows: () => generate(rows), target, ...options });
    await page.goto(pathToFileURL(target).href);
  }

  const count = () => page.textContent('#count');
  const names = () => page.locator('.card .file').allTextContents();

  /** Waits until the first card is of this file: changes are drawn with the next frame. */
  const firstIs = (name: string) =>
    page.locator('.card .file').first().filter({ hasText: name }).waitFor();

  test('shows thumbnails page by page', async () => {
    await openClassified();

    expect(await count()).toBe('131 images');
    expect(await names()).toHaveLength(60);
    await page.locator('[data-turn=next]').first().click();
    await page.locator('[data-turn=next]').first().click();
    expect(await names()).toHaveLength(11);
    expect(await page.locator('.pager').first().textContent()).toContain('Page 3 of 3');
  });

  test.each([
    ['in the page', undefined],
    ['in a folder beside it', 0],
  ])('shows pictures that lie %s', async (_, inlineLimit) => {
    await openClassified(inlineLimit);
    await page.fill('#search', 'cat.png');

    const picture = page.locator('.card img');
    await picture.waitFor();
    await picture.evaluate((image) => (image as unknown as { decode(): Promise<void> }).decode());
    expect(
      await picture.evaluate(
        (image) => (image as unknown as { naturalWidth: number }).naturalWidth,
      ),
    ).toBe(64);
  });

  test('filters by label, text and score, and clears the filters', async () => {
    await openClassified();

    await page.selectOption('#label', { label: 'dog' });
    expect(await count()).toBe('65 of 131 images');
    await page.fill('#search', 'photo-12');
    expect(await names()).toEqual([
      'photo-121.png',
      'photo-123.png',
      'photo-125.png',
      'photo-127.png',
      'photo-129.png',
    ]);
    await page.focus('#score-from');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    await page.locator('#empty').waitFor();
    await page.click('#reset');
    expect(await count()).toBe('131 images');
  });

  test('the slider keeps the images between its ends', async () => {
    await openClassified();

    await page.fill('#score-to', '4');
    await page.locator('#count', { hasText: '4 of 131' }).waitFor();

    expect(await names()).toEqual(['cat.png', 'photo-1.png', 'photo-2.png', 'photo-3.png']);
  });

  test('sorts by name, score and label', async () => {
    await openClassified();
    await page.fill('#search', 'png');

    await page.selectOption('#sort', '-name');
    await firstIs('photo-129.png');
    await page.selectOption('#sort', 'score');
    await firstIs('cat.png');
    await page.selectOption('#sort', '-score');
    await firstIs(HOSTILE);
  });

  test('names and labels from files are text, whatever they hold', async () => {
    await openClassified();
    await page.fill('#search', 'onerror');

    expect(await names()).toEqual([HOSTILE]);
    await page.click('#tab-errors');
    expect(await page.locator('.message').allTextContents()).toContain(HOSTILE);
    expect(await page.title()).toBe('Scored images');
  });

  test('lists errors with their codes', async () => {
    await openClassified();

    await page.click('#tab-errors');
    expect(await page.locator('#panel-errors tbody tr').count()).toBe(2);
    await page.selectOption('#error-code', 'UNDECODABLE_IMAGE');
    expect(await page.locator('#panel-errors tbody tr').allTextContents()).toEqual([
      expect.stringContaining('broken.jpg'),
    ]);
  });

  test('a cell of the confusion table shows its images', async () => {
    await openClassified();

    expect(await page.textContent('#figures')).toContain('66.7%');
    await page.click('#tab-confusion');
    await page.click('.matrix .miss button');

    expect(await names()).toEqual(['photo-1.png']);
    expect(await page.textContent('.card .actual')).toBe('True class: cat');
  });

  test('works from the keyboard, and the address keeps what is shown', async () => {
    await openClassified();

    await page.keyboard.press('/');
    await page.keyboard.type('photo-2');
    await page.locator('.card').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    expect(await page.textContent('#detail-title')).toBe('photo-20.png');
    await page.keyboard.press('ArrowRight');
    expect(await page.textContent('#detail-title')).toBe('photo-21.png');
    await page.keyboard.press('Escape');
    await page.locator('.card:focus .file', { hasText: 'photo-21.png' }).waitFor();

    await page.waitForURL(/search=photo-2/);
    await page.reload();
    expect(await page.inputValue('#search')).toBe('photo-2');
    expect((await names())[0]).toBe('photo-2.png');
  });

  test('generated pictures are compared with what they were made from', async () => {
    await open([generated('cat.png', 'big.png', folder)]);

    expect(await page.locator('#label').isVisible()).toBe(false);
    await page.click('.card');
    expect(await page.locator('.compare img').count()).toBe(2);
    const before = page.locator('.compare .before');
    await page.focus('.compare input');
    await page.keyboard.press('Home');
    expect(await before.getAttribute('style')).toContain('inset(0px 100% 0px 0px)');
    await page.keyboard.press('End');
    expect(await before.getAttribute('style')).toContain('inset(0px 0% 0px 0px)');
  });

  const members = { root: '', model: 'toy', version: '1', status: 'ok' } as const;

  test('boxes lie over the image, and the classes count by images', async () => {
    const box = (left: number) => ({ xmin: left, ymin: 0, xmax: left + 32, ymax: 24 });
    const cat = { label: 'cat', index: 0, score: 0.9, box: box(0) };
    const detections = [cat, { ...cat, score: 0.5, box: box(32) }];
    await open([{ ...members, path: 'cat.png', root: folder, detections }]);

    expect(await page.textContent('.card .label')).toBe('cat and 1 more');
    expect(await page.locator('.card .overlay rect').count()).toBe(2);
    await page.click('.card');
    const picture = await page.locator('.framed img').boundingBox();
    // The best is drawn last, on top.
    const drawn = await page.locator('.framed rect').nth(1).boundingBox();
    expect(drawn?.x).toBeCloseTo(picture?.x ?? NaN, -1);
    expect((drawn?.width ?? 0) / (picture?.width ?? 1)).toBeCloseTo(0.5, 1);
    expect(await page.locator('.predictions li').count()).toBe(2);
    await page.keyboard.press('Escape');
    await page.click('#tab-classes');
    expect(await page.textContent('#panel-classes caption')).toBe('Classes found, by images');
  });

  test('masks lie over the image as strongly as the slider says', async () => {
    await writeFile(path.join(folder, 'mask.png'), await card().threshold(1).png().toBuffer());
    const segments = [{ label: 'cat', index: 0, area: 1536, mask: 'mask.png' }];
    await open([{ ...members, path: 'cat.png', root: folder, width: 64, height: 48, segments }]);

    expect(await page.locator('#score-from').isVisible()).toBe(false);
    expect(await page.locator('.card .masks').count()).toBe(1);
    await page.click('.card');
    const opacity = () =>
      page.evaluate(`getComputedStyle(document.querySelector('.framed .masks')).opacity`);
    expect(await opacity()).toBe('0.6');
    await page.focus('.strength input');
    await page.keyboard.press('Home');
    expect(await opacity()).toBe('0');
    expect(await page.textContent('.predictions .score')).toBe('50.0% of the image');
  });

  test('a vector is drawn as a curve', async () => {
    await open([{ ...members, path: 'cat.png', root: folder, embedding: [0.5, -1, 0.25] }]);

    expect(await page.locator('.card .curve rect').count()).toBe(3);
    await page.click('.card');
    expect(await page.textContent('#detail .said')).toMatch(/^3 numbers, length 1\.146: /);
  });

  test('fits the width of a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await openClassified();

    for (const tab of ['images', 'classes', 'confusion', 'errors']) {
      await page.click(`#tab-${tab}`);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    }
  });
});
