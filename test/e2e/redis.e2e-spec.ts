import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { Cache } from 'cache-manager';
import { Keyv } from 'keyv';

import { Session, SessionModule, SessionMonitor, UserSessions } from '../../src/index.js';
import { redisStore } from '../../src/store/redis/store.js';
import { connectGateway, SOCKET_PLATFORMS, useSockets } from '../support/gateway-client.js';
import { visitor, type Visitor } from '../support/http-client.js';
import { useRedis, useSessionApp } from '../support/hooks.js';
import { startNodeServer, type NodeServer } from '../support/node-server.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { startRedis } from '../support/redis.js';
import { PLATFORMS, startSessionApp } from '../support/session-app.js';

@Controller()
class AccountController {
  constructor(private readonly users: UserSessions) {}

  @Get('untouched')
  untouched() {
    return {};
  }

  @Get()
  read(@Session() session: Session) {
    return { user: session.userId ?? null, visits: session.get('visits') ?? null };
  }

  @Post('visit')
  visit(@Session() session: Session) {
    session.flash('notice', 'Welcome back.');
    return { visits: session.increment('visits') };
  }

  @Get('notice')
  async notice(@Session() session: Session) {
    return { notice: await session.flash('notice') };
  }

  @Post('sign-in/:user')
  @HttpCode(204)
  async signIn(@Session() session: Session, @Param('user') user: string) {
    await session.signIn(user);
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() session: Session) {
    return session.signOut();
  }

  @Post('revoke')
  async revoke(@Session() session: Session) {
    return { ended: await this.users.revokeAll(session.userId!, { except: session }) };
  }
}

@WebSocketGateway()
class SilentGateway {}

const controllers = [AccountController];

describe('sessions in Redis, in two server processes', () => {
  const redis = useRedis();
  let servers: NodeServer[];

  beforeAll(async () => {
    const start = () => startNodeServer('counter-server.mjs', redis.url);
    servers = await Promise.all([start(), start()]);
  });

  afterAll(() => Promise.all(servers.map((server) => server.stop())).then(() => undefined));

  it('lose none of 200 parallel increments', async () => {
    const [here, there] = servers.map(({ url }) => visitor(url));
    await here!.post('/increment');
    there!.cookie = here!.cookie;
    const all = Array.from({ length: 200 }, (_, n) => (n % 2 ? here! : there!).post('/increment'));
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([201]));
    expect((await here!.get('/')).json).toEqual({ count: 201 });
  });
});

describe.each(PLATFORMS)('sessions in Redis, on %s', (platform) => {
  const redis = useRedis();
  const here = useSessionApp(() => ({
    ...{ platform, controllers, options: { stores: redisStore(redis.url) } },
  }));
  const elsewhere = useSessionApp(() => ({
    ...{ platform, controllers, options: { stores: redisStore(redis.url) } },
  }));

  const asks = async (request: () => Promise<unknown>): Promise<number> => {
    const names = ['get', 'getex', 'set', 'evalsha', 'eval'];
    const before = await redis.calls(...names);
    await request();
    return (await redis.calls(...names)) - before;
  };

  it('need no command if unused, one to be read, and one to be created', async () => {
    const visitor = here.visitor();
    expect(await asks(() => visitor.get('/untouched'))).toBe(0);
    expect(await asks(() => visitor.post('/visit'))).toBe(1);
    expect(await asks(() => visitor.get('/'))).toBe(1);
    await visitor.post('/visit'); // the server caches the script
    // A read, and a script that runs one SET.
    expect(await asks(() => visitor.post('/visit'))).toBe(3);
  });

  it('show a flash message once', async () => {
    const visitor = here.visitor();
    await visitor.post('/visit');
    const answers = await Promise.all([1, 2, 3].map(() => visitor.get('/notice')));
    expect(answers.filter(({ json }) => json.notice !== undefined)).toHaveLength(1);
  });

  it('of a user end in every process', async () => {
    const [phone, laptop] = [here.visitor(), elsewhere.visitor()];
    await phone.post('/sign-in/ada');
    await laptop.post('/sign-in/ada');
    expect((await laptop.post('/revoke')).json).toEqual({ ended: 1 });
    expect((await phone.get('/')).json).toEqual({ user: null, visits: null });
    expect((await laptop.get('/')).json.user).toBe('ada');
    const copy: Visitor = here.visitor();
    copy.cookie = laptop.cookie;
    await laptop.post('/sign-out');
    expect((await copy.get('/')).json.user).toBeNull();
  });
});

describe('an application during an outage of Redis', () => {
  it('answers 503 until Redis is back, and logs the outage', async () => {
    const redis = await startRedis();
    const options = { stores: redisStore({ url: redis.url, timeout: 200 }) };
    const app = await startSessionApp({ controllers, options });
    const visitor = app.visitor();
    await visitor.post('/visit');
    const monitor = app.app.get(SessionMonitor);
    expect(monitor.servers).toEqual([{ server: 'redis', state: 'up' }]);
    await redis.kill();
    for (let n = 0; n < 10; n++) expect((await visitor.get('/')).status).toBe(503);
    expect((await visitor.get('/untouched')).status).toBe(200);
    const again = await redis.again();
    while ((await visitor.get('/')).status !== 200);
    expect(monitor.servers[0]!.state).not.toBe('down');
    expect(monitor.counters['outage-began']).toBe(1);
    await app.close();
    await again.stop();
  });
});

describe('sessions in Redis with a durable store behind it', () => {
  it('survive a restart of Redis, and ended sessions stay ended', async () => {
    const redis = await startRedis();
    const durable = new Keyv({ store: new PlainAdapter() });
    const options = { stores: [redisStore(redis.url), durable] };
    const app = await startSessionApp({ controllers, options });
    const [stays, ends] = [app.visitor(), app.visitor()];
    await stays.post('/visit');
    await ends.post('/sign-in/ada');
    const copy = app.visitor();
    copy.cookie = ends.cookie;
    await ends.post('/sign-out');
    await redis.command('FLUSHALL');
    expect((await stays.get('/')).json.visits).toBe(1);
    expect((await copy.get('/')).json.user).toBeNull();
    await app.close();
    await redis.stop();
  });
});

describe("sessions in the application's own cache over Redis", () => {
  it('have the same guarantees as with redisStore() alone', async () => {
    const redis = await startRedis();
    const cache = CacheModule.register({ isGlobal: true, stores: [redisStore(redis.url)] });
    const sessions = SessionModule.forRootAsync({
      inject: [CACHE_MANAGER],
      useFactory: (cache: Cache) => ({ cache }),
    });
    const app = await startSessionApp({ controllers, imports: [cache], sessions });
    const visitor = app.visitor();
    await visitor.post('/visit');
    await Promise.all(Array.from({ length: 20 }, () => visitor.post('/visit')));
    expect((await visitor.get('/')).json.visits).toBe(21);
    await app.close();
    await redis.stop();
  });
});

describe.each(SOCKET_PLATFORMS)('sockets whose session ends in another process, %s', (sockets) => {
  const redis = useRedis();
  const [here, elsewhere] = [1, 2].map(() =>
    useSessionApp(() => ({
      ...{ controllers, providers: [SilentGateway], prepare: useSockets(sockets) },
      options: {
        stores: redisStore({ url: redis.url, tellOthers: true }),
        socketSweep: false as const,
      },
    })),
  );

  it('are closed immediately, without a sweep', async () => {
    const visitor = elsewhere!.visitor();
    await visitor.post('/visit');
    const client = await connectGateway(sockets, here!.url, visitor.cookie);
    const listeners = async () =>
      String(await redis.command('PUBSUB', 'NUMSUB', 'nestjs-session-manager:removed'));
    while (!(await listeners()).endsWith(',1'));
    await visitor.post('/sign-out');
    expect(await client.closed).toBe(sockets === 'ws' ? 4401 : 'io server disconnect');
  });
});
