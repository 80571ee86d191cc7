import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import axe from 'axe-core';
import type { Page } from 'playwright-core';
import sharp from 'sharp';

import type { Service } from '../../src/compose';
import { inBrowser, TestBrowser } from '../support/browser';
import {
  addVersion,
  photo,
  removeFolder,
  shippedModel,
  startTestService,
  toy,
} from '../support/service';
import { writeColourSegmenter, writeDetector, writeEncoder } from '../support/task-models';

/** The page at /, with real models behind it: what is right is known from how pictures are drawn. */

const SIDE = 64;
/** A white box on black. */
const BOX = { left: 96, top: 32, width: 48, height: 64 };

inBrowser('the page at / tries models', () => {
  let folder: string;
  let service: Service;
  let browser: TestBrowser;
  let page: Page;
  let trouble: string[];
  /** Files of pictures by what is on them. */
  let files: Record<'boxed' | 'halves' | 'red' | 'reddish' | 'large', string>;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'page-'));
    files = await drawPictures(folder);
    const models = path.join(folder, 'models');
    const at = (name: string): string => path.join(models, name);
    await addVersion(models, 'lite', 1, shippedModel('efficientnet-lite0'));
    await addVersion(models, 'enlarger', 1, shippedModel('esrgan-slim-x2'));
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
    service = await startTestService({ modelRepository: models });
    browser = await TestBrowser.open();
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    await removeFolder(folder);
  });
  beforeEach(async () => {
    trouble = [];
    page = await browser.page(service.url, trouble);
  });
  afterEach(async () => {
    await page.close();
    expect(trouble).toEqual([]);
  });

  async function open(model: string): Promise<void> {
    await page.goto(`${service.url}/#${model}`);
    await page.locator(`.card:has(input:checked) .name`, { hasText: model }).waitFor();
  }

  const card = (model: string) => page.locator('.card', { hasText: model });
  const findings = () => page.locator('#side .findings li .label').allTextContents();

  /** Waits for what is answered of a picture, and is shown. */
  async function answered(name: string): Promise<void> {
    await page.locator('#answer-of', { hasText: name }).waitFor();
    await page.locator('#timings').waitFor();
  }

  test('from opening it to a labelled photo in one click, for under 100 KB before it', async () => {
    let bytes = 0;
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.setCacheDisabled', { cacheDisabled: true });
    session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
    await page.goto(`${service.url}/`);
    await page.locator('.card').first().waitFor();
    await page.waitForLoadState('networkidle');

    // Everything counts: the page, its parts with their headers, and what it asked the server.
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(100_000);

    await card('lite').click();
    await page.click('[data-sample="coffee.jpg"]');
    await answered('coffee.jpg');
    expect((await findings())[0]).toBe('espresso');
  });

  test('models are cards with state, task and version, and say what is wrong with them', async () => {
    await open('lite');

    expect(await card('lite').textContent()).toBe('liteImage classificationReady · version 1');
    await card('broken').click();
    await page.locator('#problem .title', { hasText: 'not available' }).waitFor();
    expect(await page.textContent('#problem')).toMatch(/saved_model\.pb/);
    expect(await page.textContent('#subtitle')).toContain('6 of 7 models ready');
  });

  test('several photos go in one request, and one that fails stays alone', async () => {
    await open('lite');
    const sent = page.waitForRequest(/classify/);
    await page.setInputFiles('#files', [
      photo('coffee.jpg'),
      photo('LICENSE.md'),
      photo('chelsea.jpg'),
    ]);
    await answered('coffee.jpg');
    await sent;

    const thumbs = page.locator('#batch .thumb');
    expect(await thumbs.count()).toBe(3);
    expect(await thumbs.nth(1).getAttribute('class')).toContain('failed');
    await thumbs.nth(1).click();
    expect(await page.textContent('#problem code')).toBe('UNSUPPORTED_IMAGE_FORMAT');
    await thumbs.nth(2).click();
    await answered('chelsea.jpg');
    expect((await findings()).join()).toMatch(/tiger cat|tabby|Egyptian cat/);
    expect(await page.locator('#problem').isHidden()).toBe(true);
  });

  test('a photo is dropped anywhere on the page, or pasted', async () => {
    await open('lite');
    const base64 = await readFile(photo('coffee.jpg'), 'base64');
    const give = (kind: 'drop' | 'paste') =>
      page.evaluate(`{
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob('${base64}'), (one) => one.charCodeAt(0));
        transfer.items.add(new File([bytes], '${kind}.jpg', { type: 'image/jpeg' }));
        const options = { bubbles: true, cancelable: true };
        window.dispatchEvent(
          '${kind}' === 'drop'
            ? new DragEvent('drop', { ...options, dataTransfer: transfer })
            : new ClipboardEvent('paste', { ...options, clipboardData: transfer }),
        );
      }`);

    await give('drop');
    await answered('drop.jpg');
    await give('paste');
    await answered('paste.jpg');
    expect(await page.locator('#visit .thumb').count()).toBe(1);
    await page.click('#visit .thumb');
    await answered('drop.jpg');
  });

  test('parameters change the answer, and the request that is shown', async () => {
    await open('lite');
    await page.click('[data-sample="coffee.jpg"]');
    await answered('coffee.jpg');
    expect(await page.getAttribute('#parameter-top', 'placeholder')).toBe('5');
    await page.fill('#parameter-top', '2');

    await page.locator('#side .findings:not(:has(li:nth-child(3)))').waitFor();
    expect(await findings()).toHaveLength(2);
    expect(await page.textContent('#code pre')).toBe(
      `curl -F image=@coffee.jpg \\\n  '${service.url}/models/lite/classify?top=2'`,
    );
  });

  test('a detector: boxes over the photo with their labels', async () => {
    await open('detector');
    await page.setInputFiles('#files', files.boxed);
    await answered('boxed.png');

    expect(await findings()).toEqual(['bright thing']);
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
    await open('segmenter');
    await page.setInputFiles('#files', files.halves);
    await answered('halves.png');

    expect((await findings()).sort()).toEqual(['greenness', 'redness']);
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
    await open('enlarger');
    await page.setInputFiles('#files', files.boxed);
    await answered('boxed.png');

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
    await open('encoder');
    await page.setInputFiles('#files', files.red);
    await answered('red.png');
    expect(await page.textContent('#side')).toMatch(
      /3 numbers, length 1\.000.*Send another picture/,
    );
    await page.setInputFiles('#files', [files.reddish, files.halves]);
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
    await open('half');
    await page.locator('#tensor table').first().waitFor();

    expect(await page.locator('#drop').isVisible()).toBe(false);
    const curl = (await page.textContent('#tensor-code pre')) ?? '';
    const [, body = '', url = ''] = /-d '(.*)' \\\n {2}'(.*)'$/s.exec(curl) ?? [];
    const response = await fetch(url, { method: 'POST', body });
    expect(await response.json()).toEqual({ outputs: [2.25] });
  });

  test('what is written in TypeScript is what the server answers', async () => {
    await open('lite');
    await page.setInputFiles('#files', photo('coffee.jpg'));
    await answered('coffee.jpg');
    await page.click('#code [role=tab]:nth-child(2)');
    const code = (await page.textContent('#code pre')) ?? '';
    await page.focus('#code [role=tab]:nth-child(2)');
    await page.keyboard.press('ArrowRight');
    expect(await page.textContent('#code pre')).toContain('response = requests.post(');

    const program = code
      .replaceAll('"coffee.jpg"', JSON.stringify(photo('coffee.jpg')))
      .replace('console.log(results);', 'export default results;');
    const file = path.join(folder, 'program.mjs');
    await writeFile(file, program);
    const run = `import('${file}').then((m) => console.log(m.default[0].predictions[0].label))`;
    const { execFile } = await import('node:child_process');
    const printed = await new Promise((resolve, reject) => {
      execFile(process.execPath, ['-e', run], (error, out) => {
        if (error === null) resolve(out.trim());
        else reject(error);
      });
    });
    expect(printed).toBe('espresso');
  });

  test('an error is shown as the server says it', async () => {
    await open('lite');
    await page.setInputFiles('#files', photo('LICENSE.md'));
    await page.locator('#problem .title').waitFor();

    expect(await page.textContent('#problem .title')).toBe('Unsupported image format');
    expect(await page.textContent('#problem')).toContain('allowed are JPEG, PNG');
    expect(await page.textContent('#problem code')).toBe('UNSUPPORTED_IMAGE_FORMAT');
    expect(await page.textContent('#spoken')).toContain('Unsupported image format');
  });

  test('a photo is sent as it is, and made smaller only where the user asks for it', async () => {
    await open('segmenter');
    /** Width of what arrived, as the server answers it. */
    const width = async (): Promise<number> => {
      const response = page.waitForResponse(/\/segment/);
      await page.setInputFiles('#files', files.large);
      return ((await (await response).json()) as any).results[0].width;
    };
    expect(await width()).toBe(4000);
    await page.locator('#answer-of', { hasText: '4000 × 3000' }).waitFor();
    await page.check('#shrink');
    expect(await width()).toBe(1633);
    await page.locator('#answer-of', { hasText: '1633 × 1225' }).waitFor();
  });

  test('stages of the server and the way between are shown', async () => {
    await open('lite');
    await page.click('[data-sample="cat.jpg"]');
    await answered('cat.jpg');

    const stages = (await page.locator('.stage-list li').allTextContents()).join();
    expect(stages).toMatch(/^Decode .*,Queue .*,Model .*,Answer .*,Transfer /);
  });

  test('the live panel asks for metrics only while it is open', async () => {
    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/metrics')) asked.push(request.url());
    });
    await open('lite');
    expect(asked).toEqual([]);
    await page.click('#live-button');
    await page.locator('#live dd', { hasText: '6 of 6' }).waitFor();
    await page.click('#live-button');

    expect(await page.locator('#live').isHidden()).toBe(true);
    expect(asked.length).toBeGreaterThan(0);
    const [session, before] = [await page.context().newCDPSession(page), asked.length];
    // Two periods of the panel go by at once.
    await session.send('Emulation.setVirtualTimePolicy', { policy: 'advance', budget: 5000 });
    await new Promise((resolve) => session.once('Emulation.virtualTimeBudgetExpired', resolve));
    expect(asked.length).toBe(before);
  });

  test('works with the keyboard alone', async () => {
    await open('detector');
    await page.focus('.card input:checked');
    await page.keyboard.press('ArrowDown');
    await page.locator('.card:has(input:checked)', { hasText: 'encoder' }).waitFor();
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('files');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await answered('coffee.jpg');
    expect(await page.textContent('#spoken')).toBe('coffee.jpg: 3 numbers');
    for (let presses = 0; (await focused()) !== 'parameter-normalize'; presses++) {
      expect(presses).toBeLessThan(8);
      await page.keyboard.press('Tab');
    }
  });

  const focused = () => page.evaluate(`document.activeElement?.id ?? ''`);

  test.each(['light', 'dark'] as const)('has no fault that axe finds: %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await open('detector');
    const faults: string[] = [];
    const examine = async (what: string): Promise<void> => {
      await page.evaluate(axe.source);
      const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
      for (const { id, nodes } of violations) {
        faults.push(`${what}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
      }
    };
    await examine('empty');
    for (const model of ['lite', 'detector', 'segmenter', 'enlarger', 'encoder']) {
      await card(model).click();
      await page.locator(`.card:has(input:checked)`, { hasText: model }).waitFor();
      await page.setInputFiles('#files', [files.boxed, files.halves]);
      await answered('boxed.png');
      await page.locator('#answer-of', { hasText: model }).waitFor();
      await examine(model);
    }
    await card('half').click();
    await page.locator('#tensor table').first().waitFor();
    await examine('tensor');
    await card('lite').click();
    await page.setInputFiles('#files', photo('LICENSE.md'));
    await page.locator('#problem .title').waitFor();
    await page.click('#live-button');
    await page.locator('#live dd', { hasText: '6 of 6' }).waitFor();
    await examine('problem and live panel');

    expect(faults).toEqual([]);
  });

  test('fits the width of a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open('lite');
    const width = () => page.evaluate('document.documentElement.scrollWidth');
    expect(await width()).toBe(390);
    expect(await page.locator('label:has(#camera)').isVisible()).toBe(true);
    expect(await page.getAttribute('#camera', 'capture')).toBe('environment');

    for (const model of ['lite', 'detector', 'segmenter', 'enlarger', 'encoder', 'half']) {
      await card(model).click();
      await page.locator(`.card:has(input:checked)`, { hasText: model }).waitFor();
      if (model !== 'half') {
        await page.setInputFiles('#files', [photo('coffee.jpg'), files.boxed, files.halves]);
        await page.locator('#answer-of', { hasText: `${model} · coffee.jpg` }).waitFor();
        await page.locator('#timings').waitFor();
      }
      expect({ model, width: await width() }).toEqual({ model, width: 390 });
    }
  });
});

async function drawPictures(
  folder: string,
): Promise<Record<'boxed' | 'halves' | 'red' | 'reddish' | 'large', string>> {
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
    large: sharp(photo('coffee.jpg')).resize(4000, 3000, { fit: 'fill' }).jpeg({ quality: 95 }),
  };
  const files = Object.entries(pictures).map(async ([name, picture]) => {
    const file = path.join(folder, `${name}.${name === 'large' ? 'jpg' : 'png'}`);
    await picture.toFile(file);
    return [name, file] as const;
  });
  return Object.fromEntries(await Promise.all(files)) as Record<keyof typeof pictures, string>;
}
