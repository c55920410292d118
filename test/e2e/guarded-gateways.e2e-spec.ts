import type { IncomingMessage } from 'node:http';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Catch,
  Controller,
  HttpException,
  Post,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WsAdapter } from '@nestjs/platform-ws';

import { AllowCrossSite, CrossSiteGuard, FreshSession, Session } from '../../src/index.js';
import { TestClock } from '../../src/testing.js';
import { connectGateway, type GatewayClient } from '../support/gateway-client.js';
import { useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

const ADMIN = 'https://admin.example';
const EVIL = 'https://evil.example';
const SHOP = 'https://shop.example';

/** Sends the client the code of a refusal, on both kinds of sockets. */
@Catch(HttpException)
class CodeFilter implements ExceptionFilter {
  catch(error: HttpException, host: ArgumentsHost): void {
    const client = host.switchToWs().getClient<{
      emit(event: string, data: unknown): void;
      send(text: string): void;
      handshake?: object;
    }>();
    const data = (error.getResponse() as { code: string }).code;
    if (client.handshake) client.emit('refused', data);
    else client.send(JSON.stringify({ event: 'refused', data }));
  }
}

@UseFilters(CodeFilter)
@UseGuards(new CrossSiteGuard({ allowedOrigins: [ADMIN] }))
@WebSocketGateway()
class AccountGateway {
  @SubscribeMessage('name')
  name() {
    return { event: 'name', data: 'Ada' };
  }

  @AllowCrossSite(SHOP)
  @SubscribeMessage('prices')
  prices() {
    return { event: 'prices', data: 1 };
  }

  @FreshSession(300)
  @SubscribeMessage('email')
  email() {
    return { event: 'email', data: 'changed' };
  }
}

@UseFilters(CodeFilter)
@FreshSession(300)
@WebSocketGateway()
class NewsGateway {
  @SubscribeMessage('news')
  news() {
    return { event: 'news', data: 'none' };
  }

  @FreshSession(600)
  @SubscribeMessage('old-news')
  oldNews() {
    return { event: 'old-news', data: 'none' };
  }
}

const strict = new CrossSiteGuard();

@WebSocketGateway({
  namespace: 'strict',
  allowRequest: (request: IncomingMessage, answer: (error: null, isAllowed: boolean) => void) =>
    answer(null, !strict.isCrossSite(request)),
})
class StrictGateway {}

@WebSocketGateway({
  verifyClient: ({ req }: { req: IncomingMessage }) => !strict.isCrossSite(req),
})
class StrictWsGateway {}

@Controller()
class SignInController {
  @Post('sign-in')
  async signIn(@Session() session: Session) {
    await session.signIn('7');
  }
}

const clients: GatewayClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const SOCKETS = ['socket.io', 'ws'] as const;
const BOTH = PLATFORMS.flatMap((http) => SOCKETS.map((sockets) => [sockets, http] as const));

describe.each(BOTH)('guards of messages by %s, with Nest on %s', (platform, http) => {
  const clock = new TestClock();
  const app = useSessionApp(() => ({
    platform: http,
    clock: clock.now,
    controllers: [SignInController],
    providers: [AccountGateway],
    prepare: (nest) => platform === 'ws' && void nest.useWebSocketAdapter(new WsAdapter(nest)),
  }));

  async function connect(origin?: string, cookie?: string): Promise<GatewayClient> {
    const client = await connectGateway(platform, app.url, cookie, origin);
    clients.push(client);
    return client;
  }

  it.each([
    ['no browser', undefined],
    ['the same host', 'own'],
    ['an allowed origin', ADMIN],
  ])('let in messages of sockets that were opened by %s', async (_whom, origin) => {
    const client = await connect(origin === 'own' ? app.url : origin);
    expect(await client.ask('name', {})).toEqual({ event: 'name', data: 'Ada' });
  });

  it.each([EVIL, SHOP, 'null', 'http://127.0.0.1:1'])(
    'refuse those of sockets that %s has opened, with a code',
    async (origin) => {
      const client = await connect(origin);
      const refused = { event: 'refused', data: 'SESSION_CROSS_SITE' };
      expect(await client.ask('name', {})).toEqual(refused);
    },
  );

  it('let in what a handler allows an origin', async () => {
    expect(await (await connect(SHOP)).ask('prices', {})).toEqual({ event: 'prices', data: 1 });
    const refused = { event: 'refused', data: 'SESSION_CROSS_SITE' };
    expect(await (await connect(EVIL)).ask('prices', {})).toEqual(refused);
  });

  it('refuse a user who has signed in too long ago, and visitors without a user', async () => {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    const client = await connect(undefined, visitor.cookie);
    expect(await client.ask('email', {})).toEqual({ event: 'email', data: 'changed' });
    clock.pass(300);
    const refused = { event: 'refused', data: 'SESSION_NOT_FRESH' };
    expect(await client.ask('email', {})).toEqual(refused);
    expect(await (await connect()).ask('email', {})).toEqual(refused);
  });
});

describe.each(['socket.io', 'ws'] as const)('guards of whole gateways by %s', (platform) => {
  const clock = new TestClock();
  const app = useSessionApp(() => ({
    ...{ clock: clock.now, controllers: [SignInController] },
    providers: [NewsGateway, { provide: APP_GUARD, useClass: CrossSiteGuard }],
    prepare: (nest) => platform === 'ws' && void nest.useWebSocketAdapter(new WsAdapter(nest)),
  }));

  it('apply to each message, a global one first, and a handler has its own limit', async () => {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    const connect = async (origin: string) => {
      const client = await connectGateway(platform, app.url, visitor.cookie, origin);
      clients.push(client);
      return client;
    };
    const [own, evil] = [await connect(app.url), await connect(EVIL)];
    const crossSite = { event: 'refused', data: 'SESSION_CROSS_SITE' };
    expect(await evil.ask('news', {})).toEqual(crossSite);
    expect(await own.ask('news', {})).toEqual({ event: 'news', data: 'none' });
    clock.pass(300);
    const notFresh = { event: 'refused', data: 'SESSION_NOT_FRESH' };
    expect(await own.ask('news', {})).toEqual(notFresh);
    expect(await own.ask('old-news', {})).toEqual({ event: 'old-news', data: 'none' });
    expect(await evil.ask('old-news', {})).toEqual(crossSite);
  });
});

describe('handshakes that the guard refuses', () => {
  const app = useSessionApp(() => ({ controllers: [], providers: [StrictGateway] }));

  it('open no socket', async () => {
    await expect(
      connectGateway('socket.io', `${app.url}/strict`, undefined, EVIL),
    ).rejects.toThrow();
    clients.push(await connectGateway('socket.io', `${app.url}/strict`, undefined, app.url));
  });

  it('open no socket by polling either', async () => {
    const open = async (headers: Record<string, string>) =>
      (await app.visitor().get('/socket.io/?EIO=4&transport=polling', { headers })).status;
    expect(await open({ origin: EVIL })).toBe(403);
    expect(await open({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await open({ origin: app.url })).toBe(200);
    expect(await open({ 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await open({})).toBe(200);
  });
});

describe('handshakes of ws that the guard refuses', () => {
  const app = useSessionApp(() => ({
    controllers: [],
    providers: [StrictWsGateway],
    prepare: (nest) => void nest.useWebSocketAdapter(new WsAdapter(nest)),
  }));

  it('open no socket', async () => {
    await expect(connectGateway('ws', app.url, undefined, EVIL)).rejects.toThrow('401');
    clients.push(await connectGateway('ws', app.url, undefined, app.url));
  });
});
