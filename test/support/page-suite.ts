import type { Page } from 'playwright-core';

import { TestBrowser } from './browser';
import { startPageServer, type PageServer } from './page-server';

export interface PageSuite {
  readonly server: PageServer;
  readonly browser: TestBrowser;
  /** A fresh page in each test. */
  readonly page: Page;
  /** Faults that the browser reports; a test passes only without. */
  readonly trouble: string[];
}

/**
 * Starts a server and a browser for the tests of a describe block, and opens a page for each.
 * @param begin called before each test
 */
export function usePages(begin: (suite: PageSuite) => void): void {
  let server: PageServer;
  let browser: TestBrowser;
  let page: Page;
  let trouble: string[];

  beforeAll(async () => {
    server = await startPageServer();
    browser = await TestBrowser.open();
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
  });
  beforeEach(async () => {
    trouble = [];
    page = await browser.page(server.service.url, trouble);
    begin({ server, browser, page, trouble });
  });
  afterEach(async () => {
    await page.close();
    expect(trouble).toEqual([]);
  });
}
