import { describe, expect, it } from '@jest/globals';

import { basketOf } from './pages.js';
import { shopOnMemcached } from './shop.js';

const ADD_BREAD = 'mutation { addToBasket(product: "bread") { total } }';

describe('GraphQL', () => {
  const shop = shopOnMemcached();

  const operate = (query: string) => shop.ada.post('/graphql', { query });

  it('adds to the basket that the pages show', async () => {
    await shop.ada.post('/basket/honey/add');
    await operate(ADD_BREAD);
    const { json } = await operate('{ basket { lines { product count } total } }');
    expect(json.data.basket).toEqual({
      lines: [
        { product: 'honey', count: 1 },
        { product: 'bread', count: 1 },
      ],
      total: 2,
    });
    expect(await basketOf(shop.ada)).toBe(2);
  });

  it('loses none of 20 mutations at once', async () => {
    await operate(ADD_BREAD);
    await Promise.all(Array.from({ length: 20 }, () => operate(ADD_BREAD)));
    expect(await basketOf(shop.ada)).toBe(21);
  });

  it('takes the id in a header, too', async () => {
    const send = (query: string, id: string) =>
      shop.ada.post('/graphql', { query }, { headers: { 'x-session-id': id } });
    const { headers, setCookies } = await send(ADD_BREAD, '');
    expect(setCookies).toEqual([]);
    const { json } = await send('{ basket { total } }', String(headers['x-session-id']));
    expect(json.data.basket.total).toBe(1);
  });

  it('answers a wrong product with an error, and stores nothing', async () => {
    const { json, setCookies } = await operate(ADD_BREAD.replace('bread', 'constructor'));
    expect(json).toMatchObject({ data: null, errors: [{ message: 'There is no such product.' }] });
    expect(JSON.stringify(json)).not.toContain('stacktrace');
    expect(setCookies).toEqual([]);
  });

  it('changes nothing by GET, nor by what the form of another site can send', async () => {
    await operate(ADD_BREAD);
    const path = `/graphql?query=${encodeURIComponent(ADD_BREAD)}`;
    const asked = { headers: { 'apollo-require-preflight': 'yes' } };
    const text = { headers: { 'content-type': 'text/plain' } };
    const answers = [
      await shop.ada.get(path),
      await shop.ada.get(path, asked),
      await shop.ada.post('/graphql', new URLSearchParams({ query: ADD_BREAD })),
      await shop.ada.post('/graphql', JSON.stringify({ query: ADD_BREAD }), text),
      await shop.ada.post(path),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 405, 400, 400, 400]);
    expect(await basketOf(shop.ada)).toBe(1);
  });

  it('says that memcached is gone by status and code, when reading and when storing', async () => {
    await operate(ADD_BREAD);
    const newcomer = shop.app.newVisitor();
    await shop.memcached.kill();
    const read = await operate('{ basket { total } }');
    expect([read.status, read.json.errors[0].extensions.code]).toEqual([
      503,
      'SESSION_STORE_UNAVAILABLE',
    ]);
    const stored = await newcomer.post('/graphql', { query: ADD_BREAD });
    expect([stored.status, stored.json.statusCode, stored.setCookies]).toEqual([503, 503, []]);
  });
});
