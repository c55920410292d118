import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';

import { axeFindings, useChromium } from './chromium.js';
import { useSample } from './sample.js';

const SCREENSHOTS = 'test/browser/screenshots';
const PATHS = [
  '/',
  '/race',
  '/products',
  '/basket',
  '/members',
  '/sign-in',
  '/try-graphql',
  '/about',
  '/inspector',
  '/nowhere',
];
const SCREENS = { desktop: { width: 1200, height: 800 }, phone: { width: 360, height: 740 } };
const FORMS = (['light', 'dark'] as const).flatMap((colorScheme) =>
  (['desktop', 'phone'] as const).map((screen) => [colorScheme, screen] as const),
);

describe('every page', () => {
  const sample = useSample();
  const chromium = useChromium();

  async function signIn(page: Page): Promise<void> {
    await page.goto(`${sample.url}/sign-in`);
    await page.getByLabel('Your name').fill('Ada');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/members');
  }

  /** Keeps a picture of the page. */
  async function findingsIn(page: Page, name: string): Promise<string[]> {
    await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
    const found = await axeFindings(page);
    const overflow = await page.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    if (overflow > 0) found.push(`${overflow} px too wide`);
    return found.map((finding) => `${name}: ${finding}`);
  }

  function openForm(colorScheme: 'light' | 'dark', screen: keyof typeof SCREENS) {
    return chromium.open({
      ...{ colorScheme, viewport: SCREENS[screen], isMobile: screen === 'phone' },
    });
  }

  it.each(FORMS)(
    'in %s on a %s: nothing for axe to find, nothing to scroll sideways, no error',
    async (colorScheme, screen) => {
      const page = await (await openForm(colorScheme, screen)).newPage();
      await signIn(page);
      const found: string[] = [];
      for (const path of PATHS) {
        await page.goto(sample.url + path);
        if (path === '/inspector') await page.locator('summary').first().click();
        const name = path === '/' ? 'home' : path.slice(1);
        found.push(...(await findingsIn(page, `${name}-${colorScheme}-${screen}`)));
      }
      expect(found).toEqual([]);
      const unexpected = chromium.problems.filter((problem) => !problem.includes('404'));
      expect(unexpected).toEqual([]);
    },
    90_000,
  );

  it('keeps to its own policy: no page breaks it', async () => {
    const page = await (await chromium.open()).newPage();
    await signIn(page);
    for (const path of PATHS) await page.goto(sample.url + path);
    expect(chromium.problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  });

  it('shows times as the clock of its visitor does', async () => {
    const at = async (timezoneId: string) => {
      const page = await (await chromium.open({ timezoneId, locale: 'en-GB' })).newPage();
      await signIn(page);
      return page.locator('time').first().textContent();
    };
    const [here, there] = [await at('Asia/Tokyo'), await at('America/New_York')];
    expect(here).toMatch(/^\d+ \w+ \d{4},? (at )?\d\d:\d\d$/);
    expect(here).not.toBe(there);
  });

  it('of an outage, in all forms: nothing for axe to find, nothing to scroll sideways', async () => {
    await sample.memcached.kill();
    const found: string[] = [];
    try {
      for (const [colorScheme, screen] of FORMS) {
        const page = await (await openForm(colorScheme, screen)).newPage();
        await page.goto(sample.url);
        await page.getByRole('heading', { name: 'Back in a moment' }).waitFor();
        found.push(...(await findingsIn(page, `outage-${colorScheme}-${screen}`)));
      }
    } finally {
      await sample.restartMemcached();
    }
    expect(found).toEqual([]);
  }, 90_000);
});
