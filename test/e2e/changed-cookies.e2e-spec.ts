import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { Session, type SessionCookieOptions } from '../../src/index.js';
import { Browser } from '../support/browser.js';
import { useMemcached } from '../support/hooks.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller(['', 'shop', 'shop/cart', 'admin'])
class SignInController {
  @Get('in')
  async in(@Session() session: Session) {
    await session.signIn('ada');
    return {};
  }

  @Get('who')
  who(@Session() session: Session) {
    return { user: session.userId ?? null };
  }

  @Get('out')
  async out(@Session() session: Session) {
    await session.signOut();
  }

  @Get('write')
  write(@Session() session: Session) {
    session.set('seen', true);
  }
}

const HOST = 'app.shop.example.org';
const cases: [string, SessionCookieOptions, SessionCookieOptions, string][] = [
  ['a domain is given', {}, { domain: 'example.org' }, ''],
  ['a domain is given, the host itself', {}, { domain: HOST }, ''],
  ['the domain is taken away', { domain: 'example.org' }, {}, ''],
  ['the domain is wider', { domain: 'shop.example.org' }, { domain: 'example.org' }, ''],
  ['the domain is narrower', { domain: '.example.org' }, { domain: 'shop.example.org' }, ''],
  ['the path is narrower', { path: '/' }, { path: '/shop' }, '/shop'],
  ['the path is wider', { path: '/shop' }, { path: '/' }, '/shop'],
  ['the path loses its slash', { path: '/shop/' }, { path: '/shop' }, '/shop'],
  ['the path is deeper', { path: '/shop' }, { path: '/shop/cart' }, '/shop/cart'],
  [
    'both change',
    { domain: 'shop.example.org', path: '/shop' },
    { domain: 'example.org', path: '/' },
    '/shop',
  ],
  ['it is partitioned', {}, { partitioned: true }, ''],
  ['it is partitioned no longer', { partitioned: true }, {}, ''],
];

const memcached = useMemcached();
const apps: SessionApp[] = [];

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});
describe.each(PLATFORMS)('a cookie that changed, on %s', (platform) => {
  async function start(cookie: SessionCookieOptions, keyPrefix = 'sess:'): Promise<SessionApp> {
    const app = await startSessionApp({
      ...{ platform, controllers: [SignInController], trustProxy: true },
      options: { memcached: memcached.server, cookie, keyPrefix },
    });
    apps.push(app);
    return app;
  }

  it.each(cases)('%s: a returning visitor can sign in', async (_what, before, after, path) => {
    const servers: Record<string, string> = { [HOST]: (await start(before)).url };
    const browser = new Browser(servers);
    const at = (route: string) => `https://${HOST}${path}/${route}`;
    await browser.get(at('in'));
    expect((await browser.get(at('who'))).json).toEqual({ user: 'ada' });

    const next = await start(after);
    const returning = new Browser({ [HOST]: next.url });
    Object.assign(returning, { jar: browser.jar });
    await returning.get(at('in'));
    if ((await returning.get(at('who'))).json.user !== 'ada') {
      expect(next.logged.warnings).toEqual([
        expect.stringMatching(/another cookie\.name whenever cookie\.domain or cookie\.path/),
      ]);
      await returning.get(at('in'));
    }
    expect((await returning.get(at('who'))).json).toEqual({ user: 'ada' });
    expect((await returning.get(at('who'))).json).toEqual({ user: 'ada' });
    expect(browser.jar.placesOf('SID')).toHaveLength(1);
    await returning.get(at('out'));
    expect((await returning.get(at('who'))).json).toEqual({ user: null });
    expect(browser.jar.placesOf('SID')).toEqual([]);
  });

  it('a returning visitor can sign in also over plain http', async () => {
    const browser = new Browser({ [HOST]: (await start({ secure: 'auto' })).url });
    const url = `http://${HOST}`;
    await browser.get(`${url}/in`);
    const next = await start({ secure: 'auto', domain: 'example.org' });
    const returning = new Browser({ [HOST]: next.url });
    Object.assign(returning, { jar: browser.jar });
    await returning.get(`${url}/in`);
    await returning.get(`${url}/in`);
    expect((await returning.get(`${url}/who`)).json).toEqual({ user: 'ada' });
  });

  it('a sign-out with two cookies clears both', async () => {
    const { url } = await start({ domain: 'example.org' });
    const browser = new Browser({ [HOST]: url });
    const page = new URL(`https://${HOST}/`);
    browser.jar.set(`SID=${'A'.repeat(43)}; Secure; Path=/`, page);
    browser.jar.set(`SID=${'B'.repeat(43)}; Secure; Path=/; Domain=example.org`, page);
    await browser.get(`https://${HOST}/out`);
    expect(browser.jar.placesOf('SID')).toEqual([]);
  });

  it('a read with two ids has no session, and clears nothing', async () => {
    const { url } = await start({ domain: 'example.org' });
    const browser = new Browser({ [HOST]: url });
    const page = new URL(`https://${HOST}/`);
    await browser.get(`https://${HOST}/in`);
    browser.jar.set(`SID=${'A'.repeat(43)}; Secure; Path=/`, page);
    const { json, setCookies } = await browser.get(`https://${HOST}/who`);
    expect([json, setCookies]).toEqual([{ user: null }, []]);
    expect(browser.jar.placesOf('SID')).toHaveLength(2);
  });

  it('each of two applications with one cookie name accepts a sign-in', async () => {
    const shop = await start({ path: '/' }, 'shop:');
    const admin = await start({ path: '/admin' }, 'admin:');
    const atShop = new Browser({ [HOST]: shop.url });
    const atAdmin = new Browser({ [HOST]: admin.url });
    Object.assign(atAdmin, { jar: atShop.jar });
    await atShop.get(`https://${HOST}/in`);
    await atAdmin.get(`https://${HOST}/admin/in`);
    await atAdmin.get(`https://${HOST}/admin/in`);
    expect((await atAdmin.get(`https://${HOST}/admin/who`)).json).toEqual({ user: 'ada' });
    expect(admin.logged.warnings).toEqual([expect.stringContaining('one for each application')]);
    await atShop.get(`https://${HOST}/in`);
    expect((await atShop.get(`https://${HOST}/who`)).json).toEqual({ user: 'ada' });
  });

  it('an invented host name and path cannot break the response', async () => {
    const app = await start({ domain: 'example.org' });
    const cookie = `SID=${'A'.repeat(43)}; SID=${'B'.repeat(43)}`;
    const long = `/${'a/'.repeat(500)}`;
    for (const host of [
      'x;y.example.org',
      '[::1]',
      '1.2.3.4',
      'a.'.repeat(100) + 'org',
      'localhost',
    ]) {
      const headers = { cookie, host, 'x-forwarded-host': host };
      const { status, setCookies } = await app.visitor().get(`/write?${long}`, { headers });
      expect(status).toBe(200);
      expect(setCookies.length).toBeLessThan(25);
      expect(setCookies.join('').length).toBeLessThan(3000);
      for (const line of setCookies)
        expect(line).toMatch(/^SID=[\w-]*(; [A-Z][\w-]+(=[\w.,:/ -]+)?)+$/);
    }
  });
});
