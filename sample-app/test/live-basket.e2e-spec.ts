import { afterEach, describe, expect, it } from '@jest/globals';

import { connectGateway, type GatewayClient } from '../../test/support/gateway-client.js';
import type { Visitor } from '../../test/support/http-client.js';
import { recordingProxy } from '../../test/support/recording-proxy.js';
import { basketOf, signIn } from './pages.js';
import { startApp } from './running-app.js';
import { shopOnMemcached } from './shop.js';

const SESSION_ENDED = 4401;
const CHANGED = { event: 'changed' };

describe('the live basket', () => {
  const shop = shopOnMemcached();
  const pages: GatewayClient[] = [];

  afterEach(() => {
    for (const page of pages.splice(0)) page.close();
  });

  /** What the script of the page does, with the cookies of this visitor. */
  async function open({ baseUrl, cookie }: Visitor, origin = baseUrl): Promise<GatewayClient> {
    const page = await connectGateway('ws', `${baseUrl}/basket/live`, cookie, origin);
    pages.push(page);
    return page;
  }

  const look = async (page: GatewayClient) => (await page.ask('look')).data as unknown;

  async function openAndLook(visitor: Visitor): Promise<GatewayClient> {
    const page = await open(visitor);
    await look(page);
    return page;
  }

  it('stores the click of one tab, then notifies the others', async () => {
    await shop.ada.post('/basket/bread/add');
    const [one, other] = [await openAndLook(shop.ada), await openAndLook(shop.ada)];
    expect(await one.ask('add', 'honey')).toEqual(CHANGED);
    expect(await basketOf(shop.ada)).toBe(2);
    expect(await other.next()).toEqual(CHANGED);
    expect(await look(other)).toEqual({ bread: 1, honey: 1 });
    expect(await one.ask('remove', 'bread')).toEqual(CHANGED);
    expect(await look(one)).toEqual({ honey: 1 });
  });

  it('is notified of forms, too, and not of the baskets of others', async () => {
    const bob = shop.app.newVisitor();
    for (const visitor of [shop.ada, bob]) await visitor.post('/basket/bread/add');
    const page = await openAndLook(shop.ada);
    await bob.post('/basket/bread/add');
    for (const form of ['honey/add', 'bread/remove', 'empty']) {
      await shop.ada.post(`/basket/${form}`);
      expect(await page.next()).toEqual(CHANGED);
    }
    expect(await look(page)).toEqual({});
  });

  it('loses none of 20 clicks at once, by messages and forms', async () => {
    await shop.ada.post('/basket/bread/add');
    const [one, other] = [await openAndLook(shop.ada), await openAndLook(shop.ada)];
    const forms = Array.from({ length: 10 }, () => shop.ada.post('/basket/bread/add'));
    for (const page of [one, other]) {
      for (let n = 0; n < 5; n++) page.send('add', 'bread');
    }
    await Promise.all(forms);
    for (let n = 0; n < 20; n++) expect(await one.next()).toEqual(CHANGED);
    expect(await look(one)).toEqual({ bread: 21 });
  });

  it('ends at once when the visitor signs out in another tab', async () => {
    await signIn(shop.ada, 'Ada');
    const page = await openAndLook(shop.ada);
    await shop.ada.post('/sign-out');
    expect(await page.closed).toBe(SESSION_ENDED);
  });

  it('ends at once when the session is ended from another browser', async () => {
    const phone = shop.app.newVisitor();
    for (const visitor of [shop.ada, phone]) await signIn(visitor, 'Ada');
    const [here, there] = [await openAndLook(shop.ada), await openAndLook(phone)];
    await shop.ada.post('/members/sessions/end-others');
    expect(await there.closed).toBe(SESSION_ENDED);
    expect(await look(here)).toEqual({});
  });

  it('continues under the new id after a sign-in in another tab', async () => {
    await shop.ada.post('/basket/bread/add');
    const page = await openAndLook(shop.ada);
    await signIn(shop.ada, 'Ada');
    page.send('look');
    expect(await page.closed).toBe(SESSION_ENDED);
    expect(await look(await open(shop.ada))).toEqual({ bread: 1 });
  });

  it('begins no session: newcomers get no script, and their messages nothing', async () => {
    expect((await shop.ada.get('/basket')).body).not.toContain('/live-basket.js');
    const page = await open(shop.ada);
    page.send('add', 'bread');
    expect(await page.closed).toBe(SESSION_ENDED);
    expect(await shop.memcached.keys()).toEqual([]);

    await shop.ada.post('/basket/bread/add');
    expect((await shop.ada.get('/basket')).body).toContain('/live-basket.js');
  });

  it.each(['http://127.0.0.1:1', 'http://shop.example', 'null', undefined])(
    'refuses a handshake from elsewhere: %s',
    async (origin) => {
      await signIn(shop.ada, 'Ada');
      const { baseUrl, cookie } = shop.ada;
      const handshake = connectGateway('ws', `${baseUrl}/basket/live`, cookie, origin);
      await expect(handshake).rejects.toThrow('401');
    },
  );

  it('notifies no page of what cannot be stored', async () => {
    const wire = await recordingProxy(shop.memcached.port);
    const app = await startApp(wire.server);
    try {
      await shop.ada.post('/basket/bread/add');
      const ada = app.welcomeBack(shop.ada);
      const [one, other] = [await openAndLook(ada), await openAndLook(ada)];
      wire.failWrites(true);
      expect((await one.ask('add', 'bread')).event).toBe('exception');
      wire.failWrites(false);
      expect(await look(other)).toEqual({ bread: 1 });
      expect(await one.ask('add', 'bread')).toEqual(CHANGED);
    } finally {
      await app.stop();
      await wire.close();
    }
  });

  it('knows no other products', async () => {
    await shop.ada.post('/basket/bread/add');
    const page = await openAndLook(shop.ada);
    for (const product of ['constructor', { id: 'bread' }, undefined]) {
      expect((await page.ask('add', product)).event).toBe('exception');
    }
    expect(await basketOf(shop.ada)).toBe(1);
  });
});
