import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

/** Debian's; `CHROMIUM` names another one. */
export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResults {
  readonly violations: { readonly id: string; readonly nodes: { readonly target: string[] }[] }[];
}

/** Milliseconds; on a busy machine a page takes its time. */
const PATIENCE = 15_000;

export interface Chromium {
  /** A browser with cookies of its own. Closed after the test. */
  open(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** What pages wrote to their consoles as errors, and what their scripts threw. */
  readonly problems: string[];
}

/** One Chromium for all tests of a file; to it, every host of `.example` is this machine. */
export function useChromium(): Chromium {
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    const args = ['--host-resolver-rules=MAP *.example 127.0.0.1', '--disable-dev-shm-usage'];
    if (process.getuid?.() === 0) args.push('--no-sandbox');
    browser = await chromium.launch({ executablePath: EXECUTABLE, args });
  }, 60_000);

  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    problems.splice(0);
  });

  afterAll(() => browser.close());

  return {
    problems,
    async open(options) {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(PATIENCE);
      contexts.push(context);
      context.on('page', (page) => watch(page, problems));
      return context;
    },
  };
}

function watch(page: Page, problems: string[]): void {
  page.on('pageerror', ({ message }) => problems.push(message));
  page.on('console', (line) => {
    if (line.type() === 'error') problems.push(line.text());
  });
}

/** What axe finds in a page: its rules, and where. */
export async function axeFindings(page: Page): Promise<string[]> {
  // As an expression of the browser's own, whatever the page's policy.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
  );
}
