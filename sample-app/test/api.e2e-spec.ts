import { describe, expect, it } from '@jest/globals';

import type { HttpResponse } from '../../test/support/http-client.js';
import { basketOf, signIn } from './pages.js';
import { shopOnMemcached } from './shop.js';

const HEADER = 'x-session-id';

describe('the API', () => {
  const shop = shopOnMemcached();

  const get = (path: string, id: string) => shop.ada.get(path, { headers: { [HEADER]: id } });
  const add = (product: string, id: string) =>
    shop.ada.post(`/api/basket/${product}`, undefined, { headers: { [HEADER]: id } });

  async function newId(): Promise<string> {
    return String((await add('bread', '')).headers[HEADER]);
  }

  it('keeps a basket for a client that sends its id in a header, and sets no cookie', async () => {
    const first = await add('bread', '');
    const id = String(first.headers[HEADER]);
    expect([first.status, first.json]).toEqual([200, { basket: { bread: 1 }, total: 1 }]);
    expect(id).toMatch(/^[\w-]{43}$/);

    const second = await add('honey', id);
    const third = await get('/api/basket', id);
    expect(third.json).toEqual({ basket: { bread: 1, honey: 1 }, total: 2 });
    expect([first, second, third].flatMap(({ setCookies }) => setCookies)).toEqual([]);
    // The id stays as it is, so no header is sent.
    expect([second, third].map(({ headers }) => headers[HEADER])).toEqual([undefined, undefined]);
  });

  it('gives no session to a client that only reads', async () => {
    const { status, json, headers, setCookies } = await get('/api/basket', '');
    expect([status, json]).toEqual([200, { basket: {}, total: 0 }]);
    expect([headers[HEADER], setCookies]).toEqual([undefined, []]);
    expect(await shop.memcached.keys()).toEqual([]);
  });

  it('says whether an id is still good, as JSON', async () => {
    const id = await newId();
    const { status, json } = await get('/api/session', id);
    expect([status, json]).toEqual([
      200,
      { userId: null, createdAt: expect.any(String), expiresAt: expect.any(String) },
    ]);

    await shop.memcached.flush();

    const over = await get('/api/session', id);
    expect([over.status, over.json.message]).toEqual([404, 'You have no session.']);
  });

  it('knows no other products, and says so as JSON', async () => {
    const { status, json, headers } = await add('constructor', '');
    expect([status, json.message]).toEqual([404, 'There is no such product.']);
    expect(headers[HEADER]).toBeUndefined();
  });

  it('says as JSON that memcached is gone, when reading and when storing', async () => {
    const id = await newId();
    await shop.memcached.kill();
    for (const answer of [await get('/api/basket', id), await add('bread', '')]) {
      expect([answer.status, answer.json.statusCode]).toEqual([503, 503]);
      expect(answer.headers[HEADER]).toBeUndefined();
    }
  });

  it('never sends a browser its id in a header, even if a script asks for it', async () => {
    const ada = shop.app.newVisitor();
    const asked = { headers: { [HEADER]: '' } };
    const answers: HttpResponse[] = [
      await ada.get('/'),
      await ada.post('/api/basket/bread'),
      await ada.post('/api/basket/bread', undefined, asked),
      await ada.get('/api/session', asked),
      await signIn(ada, 'Ada'),
      await ada.post('/sign-in', new URLSearchParams({ name: 'Bob' }), asked),
      await ada.post('/sign-out', undefined, asked),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 303, 303, 303]);
    expect(answers.map(({ headers }) => headers[HEADER])).toEqual(answers.map(() => undefined));
  });

  it('has the same basket as the pages', async () => {
    const ada = shop.app.newVisitor();
    await ada.post('/basket/honey/add');
    await ada.post('/api/basket/honey');
    expect(await basketOf(ada)).toBe(2);
  });
});
