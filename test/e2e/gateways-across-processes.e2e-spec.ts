import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';

import { Session, UserSessions, type SessionModuleOptions } from '../../src/index.js';
import { sessionCookie } from '../../src/testing/session-cookie.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { connectGateway, SOCKET_PLATFORMS, useSockets } from '../support/gateway-client.js';
import { visitor, type Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { startNodeServer, type NodeServer } from '../support/node-server.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class CounterController {
  @Post()
  begin(@Session() session: Session) {
    session.count = 0;
  }

  @Post('sign-out')
  signOut(@Session() session: Session) {
    return session.destroy();
  }

  @Get('ping')
  ping() {
    return 'pong';
  }
}

@WebSocketGateway()
class CounterGateway {
  @SubscribeMessage('increment')
  increment(@Session() session: Session) {
    return { event: 'answer', data: session.increment('count') };
  }

  @SubscribeMessage('ping')
  ping() {
    return { event: 'answer', data: 'pong' };
  }

  @SubscribeMessage('read')
  read(@Session('count') data: number) {
    return { event: 'answer', data };
  }
}

describe('messages of one session in two server processes', () => {
  let memcached: Memcached;
  let servers: NodeServer[];
  let urls: string[];

  beforeAll(async () => {
    memcached = await startMemcached();
    servers = await Promise.all(
      [0, 1].map(() => startNodeServer('gateway-server.mjs', memcached.server, 'ws', 'express')),
    );
    urls = servers.map(({ url }) => url);
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await memcached.stop();
  });

  it('200 increments count exactly 200', async () => {
    const somebody = visitor(urls[0]!);
    await somebody.post('/');
    const clients = await Promise.all(
      [...urls, ...urls].map((url) => connectGateway('ws', url, somebody.cookie)),
    );
    for (let i = 0; i < 200; i++) clients[i % clients.length]!.send('increment');
    for (let i = 0; i < 200; i++) {
      expect((await clients[i % clients.length]!.next()).event).toBe('answer');
    }
    expect((await somebody.get('/')).json).toEqual({ count: 200 });
    for (const client of clients) client.close();
  });
});

describe.each(SOCKET_PLATFORMS)('the end of a session in another process, with %s', (sockets) => {
  let memcached: Memcached;
  let wire: RecordingProxy;
  let here: SessionApp;
  let elsewhere: SessionApp;
  const clock = new TestClock();

  const start = (options: SessionModuleOptions) =>
    startSessionApp({
      options,
      controllers: [CounterController],
      providers: [CounterGateway],
      clock: clock.now,
      prepare: useSockets(sockets),
    });

  async function signedIn(): Promise<Visitor> {
    const somebody = elsewhere.visitor();
    await somebody.post('/');
    return somebody;
  }

  beforeAll(async () => {
    memcached = await startMemcached();
    wire = await recordingProxy(memcached.port);
    here = await start({ memcached: wire.server, socketSweep: 1, absoluteTimeout: 3600 });
    elsewhere = await start({ memcached: memcached.server, socketSweep: false });
  });

  beforeEach(() => wire.reset());

  afterAll(async () => {
    await here.close();
    await elsewhere.close();
    await wire.close();
    await memcached.stop();
  });

  it('closes silent sockets by a sweep', async () => {
    const [somebody, other] = [await signedIn(), await signedIn()];
    const client = await connectGateway(sockets, here.url, somebody.cookie);
    const otherClient = await connectGateway(sockets, here.url, other.cookie);
    await somebody.post('/sign-out');
    expect(await client.closed).toBe(sockets === 'ws' ? 4401 : 'io server disconnect');
    expect((await otherClient.ask('read')).data).toBe(0);
    otherClient.close();
  });

  it("closes a revoked session's sockets by a sweep, and no others", async () => {
    const cookies = [{ userId: 'ada' }, { userId: 'ada' }, { userId: 'bob' }].map((entries) =>
      sessionCookie(elsewhere.app, entries),
    );
    const [first, second, bobs] = await Promise.all(
      cookies.map(async (cookie) => connectGateway(sockets, here.url, await cookie)),
    );
    // A socket has no session to lose until its handshake's session was read.
    await Promise.all([first, second, bobs].map((client) => client!.ask('read')));
    expect(await elsewhere.app.get(UserSessions).revokeAll('ada')).toBe(2);
    await Promise.all([first!.closed, second!.closed]);
    expect(bobs!.isOpen).toBe(true);
    bobs!.close();
  });

  it('is postponed by messages that use the session, not by others', async () => {
    const somebody = await signedIn();
    const client = await connectGateway(sockets, here.url, somebody.cookie);
    await client.ask('read');
    const { key } = wire.commands.at(-1)!;
    await memcached.command(`touch ${key} 10`);
    await client.ask('ping');
    expect(await memcached.command(`mg ${key} t`)).toMatch(/ t(9|10)\b/);
    await client.ask('read');
    expect(await memcached.command(`mg ${key} t`)).toMatch(/ t(1200|1201)\b/);
    client.close();
  });

  it('is not postponed by a sweep', async () => {
    const somebody = await signedIn();
    const clients = [1, 2].map(() => connectGateway(sockets, here.url, somebody.cookie));
    const [one, two] = await Promise.all(clients);
    await one!.ask('read');
    await two!.ask('read');
    wire.reset();
    while (wire.commands.length < 2) await here.visitor().get('/ping');
    expect(new Set(wire.commands.map(({ name }) => name))).toEqual(new Set(['mg']));
    // Two sockets of one session are one look.
    expect(wire.commands.length).toBe(2);
    one!.close();
    two!.close();
  });

  it('is not assumed by a sweep in an outage', async () => {
    const somebody = await signedIn();
    const client = await connectGateway(sockets, here.url, somebody.cookie);
    await client.ask('read');
    wire.hang(true);
    wire.reset();
    while (wire.commands.length < 1) await here.visitor().get('/ping');
    wire.hang(false);
    wire.cut();
    let answer = await client.ask('read');
    while (answer.event === 'exception') answer = await client.ask('read');
    expect(answer.data).toBe(0);
    client.close();
  });

  it('closes sockets at the absolute deadline', async () => {
    const somebody = await signedIn();
    const client = await connectGateway(sockets, here.url, somebody.cookie);
    await client.ask('read');
    clock.pass(3601);
    await client.closed;
  });
});
