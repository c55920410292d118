import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';

import { useChromium } from './chromium.js';
import { useSample } from './sample.js';

/** Once `isLost`, nothing is sent, and no connection lasts. */
const LOSABLE_SOCKETS = `
  window.isLost = false;
  window.sockets = [];
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
      if (isLost) this.close();
    }
    send(data) {
      if (!isLost) super.send(data);
    }
  };
`;

describe('the shop, in a browser', () => {
  const sample = useSample();
  const chromium = useChromium();
  let ada: BrowserContext;

  beforeEach(async () => {
    ada = await chromium.open();
  });

  async function open(path: string, context = ada): Promise<Page> {
    const page = await context.newPage();
    await page.goto(sample.url + path);
    return page;
  }

  async function signIn(name: string, context = ada): Promise<Page> {
    const page = await open('/sign-in', context);
    await page.getByLabel('Your name').fill(name);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/members');
    return page;
  }

  const total = (page: Page) => page.locator('tfoot .count');
  const plus = (page: Page, product: string) =>
    page.getByRole('button', { name: `Add one: ${product}` });
  const hasText = (page: Page, text: string) => page.getByText(text).first().waitFor();
  const hasTotal = (page: Page, count: number) =>
    total(page)
      .filter({ hasText: new RegExp(`^${count}$`) })
      .waitFor();

  /** The basket, whose clicks are messages once it is live. */
  async function openBasket(context = ada): Promise<Page> {
    const page = await context.newPage();
    const live = page
      .waitForEvent('websocket')
      .then((socket) => socket.waitForEvent('framereceived'));
    await page.goto(`${sample.url}/basket`);
    await live;
    return page;
  }

  it('shows in each of two tabs what the other does, and loses no click', async () => {
    await (await open('/products')).getByRole('button', { name: 'Bread' }).click();
    const [one, other] = [await openBasket(), await openBasket()];
    const clicks = async (page: Page, product: string) => {
      for (let n = 0; n < 8; n++) await plus(page, product).click();
    };
    await Promise.all([clicks(one, 'Honey'), clicks(other, 'Coffee')]);
    await Promise.all([hasTotal(one, 17), hasTotal(other, 17)]);
    expect(await one.locator('tfoot .price').textContent()).toBe('€119.40');
  });

  it('shows in an open basket at once that its visitor has signed out in another tab', async () => {
    const members = await signIn('Ada');
    await open('/products').then((page) => page.getByRole('button', { name: 'Bread' }).click());
    const basket = await openBasket();
    await members.getByRole('button', { name: 'Sign out' }).click();
    await basket.getByRole('alert').filter({ hasText: 'You were signed out.' }).waitFor();
  });

  it('loses no click after a sign-in in another tab', async () => {
    await (await open('/products')).getByRole('button', { name: 'Bread' }).click();
    const basket = await openBasket();
    await signIn('Ada');
    await plus(basket, 'Honey').click();
    const again = basket.getByRole('button', { name: 'Try again' });
    await Promise.race([hasTotal(basket, 2), again.waitFor().then(() => again.click())]);
    await hasTotal(basket, 2);
  });

  it('lists two browsers by their names, and ends the other one at once', async () => {
    const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
    const phone = await chromium.open({ userAgent });
    await signIn('Grace', phone);
    await (await open('/products', phone)).getByRole('button', { name: 'Bread' }).click();
    const there = await openBasket(phone);
    const here = await signIn('Grace');
    await hasText(here, 'Firefox on Linux');
    await here.getByRole('button', { name: 'End all others' }).click();
    await hasText(here, '1 other session is ended.');
    await there.getByText('You were signed out.').waitFor();
    await there.goto(`${sample.url}/members`);
    expect(there.url()).toBe(`${sample.url}/sign-in`);
  });

  it('works by keyboard alone', async () => {
    const page = await open('/products');
    const press = async (name: string) => {
      for (let n = 0; n < 40; n++) {
        await page.keyboard.press('Tab');
        const label = await page.evaluate<string>(
          "document.activeElement.ariaLabel ?? document.activeElement.textContent ?? ''",
        );
        if (label.includes(name)) return page.keyboard.press('Enter');
      }
      throw new Error(`${name} cannot be reached`);
    };
    await press('Add to basket: Honey');
    await page.waitForURL('**/basket');
    await press('Members');
    await page.waitForURL('**/sign-in');
    await page.getByLabel('Your name').focus();
    await page.keyboard.type('Ada');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/members');
    await press('Sign out');
    await page.waitForURL(`${sample.url}/`);
  });

  it('works without a script', async () => {
    const context = await chromium.open({ javaScriptEnabled: false });
    const page = await open('/products', context);
    await page.getByRole('button', { name: 'Honey' }).click();
    await plus(page, 'Honey').click();
    expect(await total(page).textContent()).toBe('2');
    await page.getByLabel('A note to your order').fill('x'.repeat(81));
    await page.getByRole('button', { name: 'Save the note' }).click();
    await hasText(page, 'That is 81 characters');
    await page.getByRole('link', { name: 'Race' }).click();
    await page.getByRole('button', { name: 'Run: Log out' }).click();
    await hasText(page, 'signed in again, by the slow request');
  });

  it('says in an outage what is not stored, and stores it when one tries again', async () => {
    await (await open('/products')).getByRole('button', { name: 'Bread' }).click();
    const page = await open('/products');
    const basket = await openBasket();
    sample.memcached.pause();
    await page.getByRole('button', { name: 'Honey' }).click();
    await hasText(page, 'We cannot reach the session store');
    await plus(basket, 'Honey').click();
    const again = basket.getByRole('button', { name: 'Try again' });
    await again.waitFor();
    sample.memcached.resume();
    await basket.waitForTimeout(1500);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.waitForURL('**/basket');
    await again.click();
    await hasTotal(page, 3);
  });

  it('stores each click when one tries again without a connection', async () => {
    await (await open('/products')).getByRole('button', { name: 'Bread' }).click();
    await ada.addInitScript(LOSABLE_SOCKETS);
    const page = await openBasket();
    await page.evaluate('isLost = true');
    await plus(page, 'Honey').click();
    await plus(page, 'Coffee').click();
    await page.evaluate('sockets.at(-1).close()');
    await page.getByRole('button', { name: 'Try again' }).click();
    await hasTotal(page, 3);
  });

  it('continues when memcached was stopped and is back', async () => {
    await open('/');
    await sample.memcached.kill();
    const page = await open('/');
    await hasText(page, 'Back in a moment');
    await page.getByRole('link', { name: 'About' }).first().click();
    await hasText(page, 'works even when memcached is down');
    await sample.restartMemcached();
    await page.waitForTimeout(1000);
    await page.goto(sample.url);
    await hasText(page, 'visit to this page');
  });
});
