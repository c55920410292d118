import { describe, expect, it } from '@jest/globals';

import { basketOf, textOf } from './pages.js';
import { shopOnMemcached } from './shop.js';

describe('the page of products', () => {
  const shop = shopOnMemcached();

  it('shows how much is in the basket, for one round trip', async () => {
    for (const product of ['bread', 'honey']) await shop.ada.post(`/basket/${product}/add`);
    const text = await textOf(shop.ada, '/products');
    expect(text).toContain('2 items in your basket');
    expect(text).toContain('1 round trip to memcached: 1 to read');
  });

  it('costs newcomers nothing, and gives them no session', async () => {
    const { body, setCookies } = await shop.ada.get('/products');
    expect(body).toContain('no round trip');
    expect(body).toContain('You have no session');
    expect(setCookies).toEqual([]);
  });

  it('is there when memcached is not, without the basket, which is there again afterwards', async () => {
    await shop.ada.post('/basket/bread/add');
    shop.memcached.pause();
    const { status, body, setCookies } = await shop.ada.get('/products');
    shop.memcached.resume();

    expect([status, setCookies]).toEqual([200, []]);
    expect(body).toContain('Bread');
    expect(body).not.toContain('in your basket');
    expect(body).toContain('memcached does not answer');
    expect(await basketOf(shop.ada)).toBe(1);
  });
});
