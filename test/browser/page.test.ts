import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import type { Page } from 'playwright-core';

import { inBrowser } from '../support/browser';
import { answered, card, findings, openPage, type PageServer } from '../support/page-server';
import { usePages } from '../support/page-suite';
import { photo } from '../support/service';

inBrowser('the page at / sends photos', () => {
  let server: PageServer;
  let page: Page;

  usePages((suite) => {
    ({ server, page } = suite);
  });

  test('from opening it to a labelled photo in one click, for under 100 KB before it', async () => {
    let bytes = 0;
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.setCacheDisabled', { cacheDisabled: true });
    session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
    await page.goto(`${server.service.url}/`);
    await page.locator('.card').first().waitFor();
    await page.waitForLoadState('networkidle');

    // Everything counts: the page, its parts with their headers, and what it asked the server.
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(100_000);

    await card(page, 'lite').click();
    await page.click('[data-sample="coffee.jpg"]');
    await answered(page, 'coffee.jpg');
    expect((await findings(page))[0]).toBe('espresso');
  });

  test('models are cards with state, task and version, and say what is wrong with them', async () => {
    await openPage(page, server, 'lite');

    expect(await card(page, 'lite').textContent()).toBe(
      'liteImage classificationReady · version 1',
    );
    await card(page, 'broken').click();
    await page.locator('#problem .title', { hasText: 'not available' }).waitFor();
    expect(await page.textContent('#problem')).toMatch(/saved_model\.pb/);
    expect(await page.textContent('#subtitle')).toContain('6 of 7 models ready');
  });

  test('several photos go in one request, and one that fails stays alone', async () => {
    await openPage(page, server, 'lite');
    const sent = page.waitForRequest(/classify/);
    await page.setInputFiles('#files', [
      photo('coffee.jpg'),
      photo('LICENSE.md'),
      photo('chelsea.jpg'),
    ]);
    await answered(page, 'coffee.jpg');
    await sent;

    const thumbs = page.locator('#batch .thumb');
    expect(await thumbs.count()).toBe(3);
    expect(await thumbs.nth(1).getAttribute('class')).toContain('failed');
    await thumbs.nth(1).click();
    expect(await page.textContent('#problem code')).toBe('UNSUPPORTED_IMAGE_FORMAT');
    await thumbs.nth(2).click();
    await answered(page, 'chelsea.jpg');
    expect((await findings(page)).join()).toMatch(/tiger cat|tabby|Egyptian cat/);
    expect(await page.locator('#problem').isHidden()).toBe(true);
  });

  test('a photo is dropped anywhere on the page, or pasted', async () => {
    await openPage(page, server, 'lite');
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
    await answered(page, 'drop.jpg');
    await give('paste');
    await answered(page, 'paste.jpg');
    expect(await page.locator('#visit .thumb').count()).toBe(1);
    await page.click('#visit .thumb');
    await answered(page, 'drop.jpg');
  });

  test('parameters change the answer, and the request that is shown', async () => {
    await openPage(page, server, 'lite');
    await page.click('[data-sample="coffee.jpg"]');
    await answered(page, 'coffee.jpg');
    expect(await page.getAttribute('#parameter-top', 'placeholder')).toBe('5');
    await page.fill('#parameter-top', '2');

    await page.locator('#side .findings:not(:has(li:nth-child(3)))').waitFor();
    expect(await findings(page)).toHaveLength(2);
    expect(await page.textContent('#code pre')).toBe(
      `curl -F image=@coffee.jpg \\\n  '${server.service.url}/models/lite/classify?top=2'`,
    );
  });

  test('what is written in TypeScript is what the server answers', async () => {
    await openPage(page, server, 'lite');
    await page.setInputFiles('#files', photo('coffee.jpg'));
    await answered(page, 'coffee.jpg');
    await page.click('#code [role=tab]:nth-child(2)');
    const code = (await page.textContent('#code pre')) ?? '';
    await page.focus('#code [role=tab]:nth-child(2)');
    await page.keyboard.press('ArrowRight');
    expect(await page.textContent('#code pre')).toContain('response = requests.post(');

    const program = code
      .replaceAll('"coffee.jpg"', JSON.stringify(photo('coffee.jpg')))
      .replace('console.log(results);', 'export default results;');
    const file = path.join(server.folder, 'program.mjs');
    await writeFile(file, program);
    const run = `import('${file}').then((m) => console.log(m.default[0].predictions[0].label))`;
    const { stdout: printed } = await promisify(execFile)(process.execPath, ['-e', run]);
    expect(printed.trim()).toBe('espresso');
  });

  test('an error is shown as the server says it', async () => {
    await openPage(page, server, 'lite');
    await page.setInputFiles('#files', photo('LICENSE.md'));
    await page.locator('#problem .title').waitFor();

    expect(await page.textContent('#problem .title')).toBe('Unsupported image format');
    expect(await page.textContent('#problem')).toContain('allowed are JPEG, PNG');
    expect(await page.textContent('#problem code')).toBe('UNSUPPORTED_IMAGE_FORMAT');
    expect(await page.textContent('#spoken')).toContain('Unsupported image format');
  });

  test('a photo is sent as it is, and made smaller only where the user asks for it', async () => {
    await openPage(page, server, 'segmenter');
    /** Width of what arrived, as the server answers it. */
    const width = async (): Promise<number> => {
      const response = page.waitForResponse(/\/segment/);
      await page.setInputFiles('#files', server.files.large);
      return (await (await response).json()).results[0].width;
    };
    expect(await width()).toBe(2400);
    await page.locator('#answer-of', { hasText: '2400 × 1600' }).waitFor();
    await page.check('#shrink');
    expect(await width()).toBe(1732);
    await page.locator('#answer-of', { hasText: '1732 × 1155' }).waitFor();
  });

  test('stages of the server and the way between are shown', async () => {
    await openPage(page, server, 'lite');
    await page.click('[data-sample="cat.jpg"]');
    await answered(page, 'cat.jpg');

    const stages = (await page.locator('.stage-list li').allTextContents()).join();
    expect(stages).toMatch(/^Decode .*,Queue .*,Model .*,Answer .*,Transfer /);
  });

  test('the live panel asks for metrics only while it is open', async () => {
    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/metrics')) asked.push(request.url());
    });
    await openPage(page, server, 'lite');
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

  test('asks for a key where the server wants one, and keeps it in this tab alone', async () => {
    const KEY = 'a-key-of-this-test';
    // Stands for a server with keys: what has none is answered 401 in its words.
    await page.route(new RegExp(`^${server.service.url}/models`), async (route) => {
      if ((await route.request().headerValue('authorization')) === `Bearer ${KEY}`) {
        return route.continue();
      }
      const problem = { code: 'UNAUTHENTICATED', detail: 'This server wants an API key' };
      return route.fulfill({
        status: 401,
        contentType: 'application/problem+json',
        body: JSON.stringify({ status: 401, title: 'No key', ...problem }),
      });
    });
    await page.goto(`${server.service.url}/#lite`);
    await page.locator('#key-why', { hasText: 'This server wants an API key' }).waitFor();
    await page.keyboard.type(KEY);
    await page.keyboard.press('Enter');
    await card(page, 'lite').waitFor();
    await page.click('[data-sample="coffee.jpg"]');
    await answered(page, 'coffee.jpg');

    expect(await page.textContent('#code pre')).toContain('Bearer $TFJS_SERVING_API_KEY');
    expect(await page.textContent('#code pre')).not.toContain(KEY);
    expect(await page.evaluate('Object.values(sessionStorage)')).toEqual([KEY]);
    expect(await page.evaluate('localStorage.length')).toBe(0);
    expect(await page.evaluate('document.cookie')).toBe('');
  });

  test('what is slow to send shows how far it is, and can be cancelled', async () => {
    await openPage(page, server, 'lite');
    const session = await page.context().newCDPSession(page);
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 20,
      downloadThroughput: 50_000,
      uploadThroughput: 50_000,
    });
    await page.setInputFiles('#files', server.files.large);
    await page.locator('#progress-text', { hasText: /Sending .* of / }).waitFor();
    await page.click('#cancel');

    await page.locator('#answer-of', { hasText: 'Cancelled.' }).waitFor();
    expect(await page.locator('#progress').isHidden()).toBe(true);
  });
});
