import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { chromium, type BrowserContext, type Page } from 'playwright-core';

import { CHROMIUM_FLAGS, findChromium } from './chromium';

const executablePath = findChromium(process.env);
if (executablePath === undefined) {
  console.warn('Skipped: no chromium on the PATH and TFJS_SERVING_TEST_CHROMIUM is not set');
}

/** `describe`, skipped where there is no browser. */
export const inBrowser = executablePath === undefined ? describe.skip : describe;

/** A browser of its own, with a profile of its own. */
export class TestBrowser {
  readonly context: BrowserContext;
  readonly #folder: string;

  private constructor(context: BrowserContext, folder: string) {
    this.context = context;
    this.#folder = folder;
  }

  static async open(): Promise<TestBrowser> {
    const folder = await mkdtemp(path.join(tmpdir(), 'browser-'));
    const context = await chromium.launchPersistentContext(path.join(folder, 'profile'), {
      ...(executablePath !== undefined && { executablePath }),
      headless: true,
      args: CHROMIUM_FLAGS,
      viewport: { width: 1360, height: 860 },
    });
    return new TestBrowser(context, folder);
  }

  /** @param trouble where everything is noted that no page may cause: errors, and requests elsewhere */
  async page(server: string, trouble: string[]): Promise<Page> {
    const page = await this.context.newPage();
    page.setDefaultTimeout(30_000);
    // What the server refuses is on the console as well; tests look at what the page says of it.
    page.on('console', (message) => {
      if (!message.text().startsWith('Failed to load resource')) trouble.push(message.text());
    });
    page.on('pageerror', (error) => trouble.push(error.message));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(server) && !/^(data|blob):/.test(url)) trouble.push(url);
    });
    return page;
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
