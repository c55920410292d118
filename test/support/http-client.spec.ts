import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { visitor, type Visitor } from './http-client.js';

describe('visitor', () => {
  let server: Server;
  let visit: Visitor;
  let setCookies: string[];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method, url, headers } = request;
        response.setHeader('set-cookie', setCookies);
        response.statusCode = url === '/moved' ? 302 : 200;
        if (url === '/moved') response.setHeader('location', '/elsewhere');
        response.end(JSON.stringify({ method, headers, body: Buffer.concat(chunks).toString() }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => new Promise((resolve) => server.close(resolve)));

  beforeEach(() => {
    visit = visitor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    setCookies = [];
  });

  it('returns status, headers, body and JSON', async () => {
    setCookies = ['a=1', 'b=2; Path=/'];
    const response = await visit.get('/');
    expect(response.status).toBe(200);
    expect(response.headers['set-cookie']).toEqual(setCookies);
    expect(response.setCookies).toEqual(setCookies);
    expect(JSON.parse(response.body)).toEqual(response.json);
    expect(response.json).toMatchObject({ method: 'GET', body: '' });
  });

  it('follows no redirect', async () => {
    const response = await visit.get('/moved');
    expect([response.status, response.headers.location]).toEqual([302, '/elsewhere']);
  });

  it.each([
    ['JSON', { a: 1 }, '{"a":1}', 'application/json'],
    ['a form', new URLSearchParams({ a: '1' }), 'a=1', 'application/x-www-form-urlencoded'],
    ['text', 'a', 'a', undefined],
  ])('posts %s', async (_, body, text, type) => {
    const { json } = await visit.post('/', body);
    expect(json).toMatchObject({ method: 'POST', body: text });
    expect(json.headers['content-type']).toBe(type);
  });

  it('sends the cookies back, Secure ones too', async () => {
    setCookies = ['a=1; Secure; HttpOnly', 'b=x=y; Path=/; Max-Age=60'];
    await visit.get('/');
    setCookies = ['a=2'];
    expect((await visit.get('/')).json.headers.cookie).toBe('a=1; b=x=y');
    expect(visit.cookie).toBe('a=2; b=x=y');
  });

  it.each(['Max-Age=0', 'Max-Age=-1', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT'])(
    'clears a cookie by %s',
    async (attribute) => {
      visit.cookie = 'a=1; b=2';
      setCookies = [`a=; Path=/; ${attribute}`];
      await visit.get('/');
      expect(visit.cookie).toBe('b=2');
    },
  );

  it('clears a cookie only under its own path and domain', async () => {
    visit.cookie = 'a=1';
    setCookies = ['a=; Path=/admin; Max-Age=0', 'a=; Path=/; Domain=example.com; Max-Age=0'];
    await visit.get('/');
    expect(visit.cookie).toBe('a=1');
  });

  it('keeps a cookie to its path', async () => {
    setCookies = ['a=1; Path=/admin', 'b=2'];
    await visit.get('/shop/cart');
    setCookies = [];
    expect((await visit.get('/admin/users')).json.headers.cookie).toBe('a=1');
    expect((await visit.get('/administrators')).json.headers.cookie).toBeUndefined();
    expect((await visit.get('/shop/list')).json.headers.cookie).toBe('b=2');
  });

  it('lets a request set its own cookie header', async () => {
    visit.cookie = 'a=1';
    const { json } = await visit.get('/', { headers: { Cookie: '%%%' } });
    expect(json.headers.cookie).toBe('%%%');
  });

  it('forks with a copy of the cookies', async () => {
    visit.cookie = 'a=1';
    const other = visit.fork();
    setCookies = ['b=2; Path=/'];
    await other.get('/');
    expect([visit.cookie, other.cookie]).toEqual(['a=1', 'a=1; b=2']);
  });

  it('rejects when the response breaks off', async () => {
    const broken = createServer((_, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('half', () => response.destroy());
    });
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
    const { port } = broken.address() as AddressInfo;
    await expect(visitor(`http://127.0.0.1:${port}`).get('/')).rejects.toThrow('aborted');
    broken.close();
  });
});
