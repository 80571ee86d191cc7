import axe from 'axe-core';
import type { Page } from 'playwright-core';

import { inBrowser } from '../support/browser';
import { answered, card, chosen, openPage, type PageServer } from '../support/page-server';
import { usePages } from '../support/page-suite';
import { photo } from '../support/service';

inBrowser('the page at / is there for everybody', () => {
  let server: PageServer;
  let page: Page;

  usePages((suite) => {
    ({ server, page } = suite);
  });

  test('works with the keyboard alone', async () => {
    await openPage(page, server, 'detector');
    await page.focus('.card input:checked');
    await page.keyboard.press('ArrowDown');
    await page.locator('.card:has(input:checked)', { hasText: 'encoder' }).waitFor();
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('files');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await answered(page, 'coffee.jpg');
    expect(await page.textContent('#spoken')).toBe('coffee.jpg: 3 numbers');
    for (let presses = 0; (await focused()) !== 'parameter-normalize'; presses++) {
      expect(presses).toBeLessThan(8);
      await page.keyboard.press('Tab');
    }
  });

  const focused = () => page.evaluate(`document.activeElement?.id ?? ''`);

  test.each(['light', 'dark'] as const)('has no fault that axe finds: %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await openPage(page, server, 'detector');
    const faults: string[] = [];
    const examine = async (what: string): Promise<void> => {
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
      for (const { id, nodes } of violations) {
        faults.push(`${what}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
      }
    };
    await examine('empty');
    for (const model of ['lite', 'detector', 'segmenter', 'enlarger', 'encoder']) {
      await card(page, model).click();
      await chosen(page, model);
      await page.setInputFiles('#files', [server.files.boxed, server.files.halves]);
      await answered(page, 'boxed.png');
      await page.locator('#answer-of', { hasText: model }).waitFor();
      await examine(model);
    }
    await card(page, 'half').click();
    await page.locator('#tensor table').first().waitFor();
    await examine('tensor');
    await card(page, 'lite').click();
    await page.setInputFiles('#files', photo('LICENSE.md'));
    await page.locator('#problem .title').waitFor();
    await page.click('#live-button');
    await page.locator('#live dd', { hasText: '6 of 6' }).waitFor();
    await examine('problem and live panel');

    expect(faults).toEqual([]);
  });

  test('fits the width of a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await openPage(page, server, 'lite');
    const width = () => page.evaluate('document.documentElement.scrollWidth');
    expect(await width()).toBe(390);
    expect(await page.locator('label:has(#camera)').isVisible()).toBe(true);
    expect(await page.getAttribute('#camera', 'capture')).toBe('environment');

    for (const model of ['lite', 'detector', 'segmenter', 'enlarger', 'encoder', 'half']) {
      await card(page, model).click();
      await chosen(page, model);
      if (model !== 'half') {
        await page.setInputFiles('#files', [
          photo('coffee.jpg'),
          server.files.boxed,
          server.files.halves,
        ]);
        await page.locator('#answer-of', { hasText: `${model} · coffee.jpg` }).waitFor();
        await page.locator('#timings').waitFor();
      }
      expect({ model, width: await width() }).toEqual({ model, width: 390 });
    }
  });
});
