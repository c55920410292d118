import { describe, expect, it } from '@jest/globals';

import { useChromium } from './chromium.js';
import { useSample } from './sample.js';

describe('the race, in a browser', () => {
  const sample = useSample();
  const chromium = useChromium();

  it('shows each run live, and what it came to', async () => {
    const page = await (await chromium.open()).newPage();
    await page.goto(`${sample.url}/race`);
    const said = async (experiment: string) => {
      const section = page.locator(`#${experiment}`);
      await section.getByRole('button').click();
      await section.locator('.side.good, .side.bad').nth(1).waitFor({ timeout: 60_000 });
      return Promise.all(
        ['peer', 'own'].map(async (name) => {
          const side = section.locator(`[data-side=${name}]`);
          const isGood = (await side.getAttribute('class')) === 'side good';
          return isGood ? 'good' : `bad: ${await side.locator('.said').textContent()}`;
        }),
      );
    };
    for (const experiment of ['writes', 'log-out', 'outage', 'counts']) {
      expect([experiment, await said(experiment)]).toEqual([
        experiment,
        [expect.stringMatching('bad'), 'good'],
      ]);
    }
    for (const experiment of ['writes', 'counts']) {
      const text = await page.locator(`#${experiment} [data-side=own] .said`).textContent();
      const [, kept, accepted] = /^(\d+) of (\d+) kept/.exec(text ?? '') ?? [];
      expect([experiment, Number(kept)]).toEqual([experiment, Number(accepted)]);
      expect(Number(accepted)).toBeGreaterThan(0);
    }
    expect(chromium.problems).toEqual([]);
  }, 90_000);

  it('is shown live by the inspector and the strip, without values', async () => {
    const context = await chromium.open();
    const [inspector, page, shop] = [
      await context.newPage(),
      await context.newPage(),
      await context.newPage(),
    ];
    await inspector.goto(`${sample.url}/inspector`);
    await inspector.getByText('new ones appear automatically').waitFor();
    await shop.goto(`${sample.url}/basket`);
    await page.goto(`${sample.url}/about`);
    await shop.getByLabel('A note to your order').fill('a very private note');
    await shop.getByRole('button', { name: 'Save the note' }).click();
    await page.locator('#later li').filter({ hasText: 'POST /basket/note' }).waitFor();
    const request = inspector.locator('li').filter({ hasText: 'POST /basket/note' }).first();
    await request.locator('summary').click();
    await request.getByText('Stored: 2 entries').waitFor();
    const text = (await inspector.textContent('body')) ?? '';
    expect(text).not.toContain('private');
    const [cookie] = await context.cookies();
    expect(text).not.toContain(cookie!.value);
    expect(chromium.problems).toEqual([]);
  });
});
