import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Visitor } from '../../test/support/http-client.js';
import { startMemcached, type Memcached } from '../../test/support/memcached.js';
import { basketOf, textOf } from './pages.js';
import { startApp, type RunningApp } from './running-app.js';

describe('the page of products', () => {
  let memcached: Memcached;
  let app: RunningApp;
  let ada: Visitor;

  beforeEach(async () => {
    memcached = await startMemcached();
    app = await startApp(memcached.server);
    ada = app.newVisitor();
  });

  afterEach(async () => {
    await app.stop();
    await memcached.stop();
  });

  it('shows how much is in the basket, for one round trip', async () => {
    for (const product of ['bread', 'honey']) await ada.post(`/basket/${product}/add`);
    const text = await textOf(ada, '/products');
    expect(text).toContain('2 things in your basket');
    expect(text).toContain('1 round trip to memcached: 1 to read');
  });

  it('costs newcomers nothing, and gives them no session', async () => {
    const { body, setCookies } = await ada.get('/products');
    expect(body).toContain('no round trip');
    expect(body).toContain('You have no session');
    expect(setCookies).toEqual([]);
  });

  it('is there when memcached is not, without the basket, which is there again afterwards', async () => {
    await ada.post('/basket/bread/add');
    memcached.pause();
    const { status, body, setCookies } = await ada.get('/products');
    memcached.resume();

    expect([status, setCookies]).toEqual([200, []]);
    expect(body).toContain('Bread');
    expect(body).not.toContain('in your basket');
    expect(body).toContain('memcached does not answer');
    expect(await basketOf(ada)).toBe(1);
  });
});
