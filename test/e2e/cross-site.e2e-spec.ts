import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';

import { AllowCrossSite, CrossSiteGuard, SessionOptionsError } from '../../src/index.js';
import { useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

@Controller()
class TransfersController {
  @Post('transfer')
  transfer() {
    return { done: true };
  }

  @Get('balance')
  balance() {
    return { balance: 1 };
  }

  @AllowCrossSite()
  @Post('webhook')
  webhook() {
    return { done: true };
  }

  @AllowCrossSite('https://shop.example')
  @Post('order')
  order() {
    return { done: true };
  }
}

@Controller('forms')
class FormsController {
  @UseGuards(CrossSiteGuard)
  @Post('guarded')
  guarded() {
    return { done: true };
  }

  @Post('open')
  open() {
    return { done: true };
  }
}

@AllowCrossSite()
@Controller('hooks')
class HooksController {
  @Post('any')
  any() {
    return { done: true };
  }

  @AllowCrossSite('https://shop.example')
  @Post('shop')
  shop() {
    return { done: true };
  }
}

const ADMIN = 'https://admin.example';

describe.each(PLATFORMS)('requests from other sites, on %s', (platform) => {
  const app = useSessionApp(() => ({
    platform,
    controllers: [TransfersController],
    prepare: (nest) => nest.useGlobalGuards(new CrossSiteGuard({ allowedOrigins: [ADMIN] })),
  }));

  const post = (path: string, headers: Record<string, string>) =>
    app.visitor().post(path, undefined, { headers });

  it.each<[string, Record<string, string>]>([
    ['of the same origin', { 'sec-fetch-site': 'same-origin', origin: 'http://localhost' }],
    ['that a user has made', { 'sec-fetch-site': 'none' }],
    ['of no browser', {}],
    ['of an allowed origin', { 'sec-fetch-site': 'cross-site', origin: ADMIN }],
    ['of an allowed origin, by an old browser', { origin: ADMIN }],
  ])('are let in if they are %s', async (_what, headers) => {
    expect((await post('/transfer', headers)).status).toBe(201);
  });

  it('are allowed for an old browser if Origin has the same host', async () => {
    expect((await post('/transfer', { origin: app.url })).status).toBe(201);
    expect((await post('/transfer', { origin: app.url.replace(/\d$/, '') })).status).toBe(403);
  });

  it.each<[string, Record<string, string>]>([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    [
      'another host of the same site',
      { 'sec-fetch-site': 'same-site', origin: 'https://blog.example' },
    ],
    ['another site, without an origin', { 'sec-fetch-site': 'cross-site' }],
    ['another site, by an old browser', { origin: 'https://evil.example' }],
    ['an opaque origin', { origin: 'null' }],
    ['two values of Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin, cross-site' }],
  ])('are refused with a code: %s', async (_what, headers) => {
    const { status, json } = await post('/transfer', headers);
    expect(status).toBe(403);
    expect(json).toMatchObject({ statusCode: 403, code: 'SESSION_CROSS_SITE' });
  });

  it('are allowed for safe methods, and on routes with @AllowCrossSite()', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://shop.example' };
    expect((await app.visitor().get('/balance', { headers })).status).toBe(200);
    expect((await post('/webhook', headers)).status).toBe(201);
    expect((await post('/order', headers)).status).toBe(201);
    expect((await post('/order', { ...headers, origin: 'https://x.example' })).status).toBe(403);
  });
});

describe.each(PLATFORMS)('CrossSiteGuard, on %s', (platform) => {
  const perRoute = useSessionApp(() => ({ platform, controllers: [FormsController] }));
  const global = useSessionApp(() => ({
    ...{ platform, controllers: [FormsController, HooksController] },
    providers: [{ provide: APP_GUARD, useClass: CrossSiteGuard }],
  }));
  const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };

  it('guards single routes', async () => {
    const visitor = perRoute.visitor();
    const refused = await visitor.post('/forms/guarded', undefined, { headers });
    expect([refused.status, refused.json.code]).toEqual([403, 'SESSION_CROSS_SITE']);
    expect((await visitor.post('/forms/guarded')).status).toBe(201);
    expect((await visitor.post('/forms/open', undefined, { headers })).status).toBe(201);
  });

  it('guards all routes as a provider, but controllers with @AllowCrossSite()', async () => {
    const paths = ['/forms/guarded', '/forms/open', '/hooks/any', '/hooks/shop'];
    const answers = paths.map((path) => global.visitor().post(path, undefined, { headers }));
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual([403, 403, 201, 403]);
  });
});

describe('handshakes from other sites', () => {
  const guard = new CrossSiteGuard({ allowedOrigins: [ADMIN] });
  const handshake = (origin?: string) => ({
    method: 'GET',
    headers: { host: 'shop.example', upgrade: 'websocket', ...(origin && { origin }) },
  });

  it.each([
    ['https://shop.example', false],
    ['https://shop.example:443', false],
    [ADMIN, false],
    [undefined, false],
    ['https://evil.example', true],
    ['https://shop.example:8443', true],
    ['null', true],
  ])('are recognized by their origin: %s', (origin, expected) => {
    expect(guard.isCrossSite(handshake(origin))).toBe(expected);
  });
});

describe('the host of an origin', () => {
  const guard = new CrossSiteGuard();
  const isCrossSite = (origin: string, headers: object, host?: string) =>
    guard.isCrossSite({ method: 'POST', headers: { origin, ...headers }, host });

  it.each([
    ['https://shop.example', 'SHOP.example'],
    ['https://shop.example', 'shop.example:443'],
    ['http://shop.example', 'shop.example:80'],
    ['http://[::1]:3000', '[::1]:3000'],
    ['http://[::1]', '[0:0:0:0:0:0:0:1]:80'],
  ])('%s is %s', (origin, host) => {
    expect(isCrossSite(origin, { host })).toBe(false);
    expect(isCrossSite(origin, { ':authority': host })).toBe(false);
    expect(isCrossSite(origin, { host: 'inner' }, host)).toBe(false);
  });

  it.each([
    ['https://shop.example', 'shop.example:80'],
    ['https://shop.example:8443', 'shop.example'],
    ['http://[::1]:3000', '[::1]:3001'],
    ['https://shop.example', 'shop.example.evil.example'],
    ['https://shop.example', 'shop.example@evil.example:1'],
    ['https://shop.example', 'evil.example, shop.example'],
    ['https://shop.example', ''],
    ['null', 'null'],
  ])('%s is not %s', (origin, host) => {
    expect(isCrossSite(origin, { host })).toBe(true);
  });
});

describe.each(PLATFORMS)('requests through a proxy, on %s', (platform) => {
  const app = useSessionApp(() => ({
    platform,
    controllers: [TransfersController],
    trustProxy: true,
    prepare: (nest) => nest.useGlobalGuards(new CrossSiteGuard()),
  }));

  it.each([
    ['shop.example', 201],
    ['shop.example:443', 201],
    ['other.example', 403],
  ])('are those of the host that it was asked for: %s', async (forwarded, status) => {
    const headers = { origin: 'https://shop.example', 'x-forwarded-host': forwarded };
    expect((await app.visitor().post('/transfer', undefined, { headers })).status).toBe(status);
  });
});

it.each(['admin.example', 'https://admin.example/', 'https://a.example/x', '*', ''])(
  'refuses the invalid origin %p',
  (origin) => {
    expect(() => new CrossSiteGuard({ allowedOrigins: [origin] })).toThrow(SessionOptionsError);
    expect(() => AllowCrossSite(origin)).toThrow(SessionOptionsError);
  },
);
