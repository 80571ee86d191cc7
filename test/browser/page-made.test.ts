import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Page } from 'playwright-core';

import type { Service } from '../../src/compose';
import { inBrowser, TestBrowser } from '../support/browser';
import { writeDigits, writeStylizer, writeWriter } from '../support/input-models';
import { photo, removeFolder, startTestService } from '../support/service';

inBrowser('the page at / fills in what models take besides photos', () => {
  let folder: string;
  let service: Service;
  let browser: TestBrowser;
  let page: Page;
  const trouble: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'page-made-'));
    const at = (name: string): string => path.join(folder, name);
    await writeDigits(at('digits'), {
      task: 'image-generation',
      inputs: { label: { label: { classes: 10 } }, noise: { name: 'z', noise: {} } },
    });
    await writeWriter(at('writer'), {
      task: 'text-generation',
      inputs: {
        prompt: { text: { maxLength: 20 } },
        length: { number: { minimum: 0, maximum: 50, default: 2 } },
        seed: { seed: {} },
      },
    });
    await writeStylizer(at('stylizer'), {
      inputs: {
        content: { image: { fit: 'fill' } },
        style: { image: { fit: 'fill' } },
        strength: { number: { minimum: 0, maximum: 1, default: 0.5 } },
      },
    });
    service = await startTestService({ modelRepository: folder });
    browser = await TestBrowser.open();
    page = await browser.page(service.url, trouble);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    await removeFolder(folder);
    expect(trouble).toEqual([]);
  });
  beforeEach(() => page.goto('about:blank'));

  test('pictures from a label and a seed, several at once', async () => {
    await page.goto(`${service.url}/#digits`);
    await page.selectOption('#parameter-label', '7');
    await page.fill('#parameter-n', '3');
    await page.fill('#parameter-seed', '5');
    await page.click('#generate');
    await page.locator('.made li').nth(2).waitFor();

    expect(await page.locator('.made li span').allTextContents()).toEqual([
      'seed 5',
      'seed 6',
      'seed 7',
    ]);
    expect(await page.locator('#choose').isVisible()).toBe(false);
    expect(await page.textContent('#code pre')).toContain("--form-string 'label=7'");
  });

  test('a text from a text, and what the server says where there is none', async () => {
    await page.goto(`${service.url}/#writer`);
    await page.click('#generate');
    await page.locator('#problem', { hasText: '"prompt" is missing' }).waitFor();
    await page.fill('#parameter-prompt', 'Once');
    await page.click('#generate');

    expect(await page.locator('.written').textContent()).toMatch(/^Once/);
  });

  test('a second picture and a number beside the photo', async () => {
    await page.goto(`${service.url}/#stylizer`);
    await page.setInputFiles('#parameter-style', photo('chelsea.jpg'));
    await page.fill('#parameter-strength', '0.25');
    await page.setInputFiles('#files', photo('coffee.jpg'));
    await page.locator('.compare .before').waitFor();

    expect(await page.textContent('#code pre')).toContain(
      "-F content=@coffee.jpg \\\n  -F style=@chelsea.jpg \\\n  --form-string 'strength=0.25'",
    );
  });
});
