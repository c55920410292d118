import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Post } from '@nestjs/common';

import { Session, type SessionCookieOptions } from '../../src/index.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';
import { useChromium } from './chromium.js';

@Controller(['', 'shop'])
class VisitController {
  @Get('visit')
  visit(@Session() session: Session) {
    return String(session.increment('visits'));
  }

  /** Reached by a form of any site. */
  @Post('visit')
  post(@Session() session: Session) {
    return String(session.increment('visits'));
  }

  /** A page of any site, with a form and a link to the address after `#`, or a frame of it. */
  @Get('elsewhere')
  @Header('Content-Type', 'text/html')
  elsewhere() {
    return `<form method="post"><button>Send</button></form><a>Go</a><iframe></iframe>
      <script>
        const [, isFramed, target] = /^#(frame=)?(.*)/.exec(location.hash);
        document.querySelector('form').action = document.querySelector('a').href = target;
        if (isFramed) document.querySelector('iframe').src = target + '?frame';
      </script>`;
  }
}

const pem = (name: string) =>
  readFileSync(new URL(`../support/tls/localhost-${name}.pem`, import.meta.url));

describe('session cookies, as Chromium keeps them', () => {
  const chromium = useChromium();
  const apps: SessionApp[] = [];
  const servers: Server[] = [];

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    for (const app of apps.splice(0)) await app.close();
  });

  async function startApp(cookie: SessionCookieOptions): Promise<SessionApp> {
    const app = await startSessionApp({ options: { cookie }, controllers: [VisitController] });
    apps.push(app);
    return app;
  }

  /** The port of plain http. */
  async function http(cookie: SessionCookieOptions): Promise<string> {
    return new URL((await startApp(cookie)).url).port;
  }

  /** The port of https. */
  async function https(cookie: SessionCookieOptions): Promise<number> {
    const { app } = await startApp(cookie);
    const handler = app.getHttpAdapter().getInstance() as Parameters<typeof createServer>[1];
    const server = createServer({ key: pem('key'), cert: pem('cert') }, handler);
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async function newPage() {
    return (await chromium.open({ ignoreHTTPSErrors: true })).newPage();
  }

  /** What two visits count: 2, if the cookie came back. */
  async function secondVisit(address: string): Promise<string | null> {
    const page = await newPage();
    await page.goto(address);
    await page.goto(address);
    return page.textContent('body');
  }

  it.each([
    ['is kept from http://localhost', 'localhost', {}, '2'],
    ['is dropped from another host over http', 'shop.example', {}, '1'],
    ["is kept there with secure: 'auto'", 'shop.example', { secure: 'auto' }, '2'],
    [
      'with the prefix __Host- is kept from http://localhost',
      'localhost',
      { name: '__Host-SID' },
      '2',
    ],
    [
      'for a domain is kept by its hosts',
      'www.shop.example',
      { secure: false, domain: 'shop.example' },
      '2',
    ],
    ['for a path is kept below it', 'shop.example', { secure: false, path: '/shop' }, '2'],
  ] as [string, string, SessionCookieOptions, string][])(
    'a cookie %s',
    async (_title, host, cookie, seen) => {
      expect(await secondVisit(`http://${host}:${await http(cookie)}/shop/visit`)).toBe(seen);
    },
  );

  it.each([
    ['lax', '1', '2'],
    ['strict', '1', '1'],
    ['none', '2', '2'],
  ] as const)(
    'with SameSite=%s a form of another site sees %s, a link %s',
    async (sameSite, byForm, byLink) => {
      const port = await https({ sameSite });
      const address = `https://shop.example:${port}/visit`;
      const from = async (act: 'button' | 'a') => {
        const page = await newPage();
        await page.goto(address);
        await page.goto(`https://other.example:${port}/elsewhere#${address}`);
        await page.click(act);
        await page.waitForURL(address);
        return page.textContent('body');
      };
      expect([await from('button'), await from('a')]).toEqual([byForm, byLink]);
    },
  );

  it('partitioned, it is another one in the frame of each site', async () => {
    const port = await https({ sameSite: 'none', partitioned: true });
    const address = `https://shop.example:${port}/visit`;
    const context = await chromium.open({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    const inFrame = async (host: string) => {
      await page.goto('about:blank');
      const answer = page.waitForResponse((response) => response.url().includes('?frame'));
      await page.goto(`https://${host}:${port}/elsewhere#frame=${address}`);
      return (await answer).text();
    };
    expect([await inFrame('one.example'), await inFrame('two.example')]).toEqual(['1', '1']);
    expect([await inFrame('one.example'), await inFrame('two.example')]).toEqual(['2', '2']);
    await page.goto(address);
    expect(await page.textContent('body')).toBe('1');
    expect(await context.cookies()).toHaveLength(3);
  });

  it.each([
    ['another domain', { domain: 'shop.example' }, {}],
    ['another path', {}, { path: '/shop' }],
  ] as [string, SessionCookieOptions, SessionCookieOptions][])(
    'of the same name with %s stays beside it, and a request with both has no session',
    async (_what, before, after) => {
      const [old, next] = [
        await http({ secure: false, ...before }),
        await http({ secure: false, ...after }),
      ];
      const context = await chromium.open();
      const page = await context.newPage();
      await page.goto(`http://shop.example:${old}/shop/visit`);
      await page.goto(`http://shop.example:${next}/shop/visit`);
      expect(await context.cookies()).toHaveLength(2);
      await page.goto(`http://shop.example:${next}/shop/visit`);
      expect(await page.textContent('body')).toBe('1');
    },
  );
});
