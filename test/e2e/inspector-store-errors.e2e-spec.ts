import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { sign } from 'cookie-signature';
import { Redis } from 'ioredis';
import { Client } from 'pg';

import { expressSession, type ExpressSessionStore } from '../../src/express-session.js';
import { Session, type SessionModuleOptions } from '../../src/index.js';
import { SessionInspectorModule } from '../../src/inspector.js';
import { postgresStore } from '../../src/postgres.js';
import { redisStore } from '../../src/redis.js';
import { usePostgres, useRedis, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

const VALUE = 'value-of-an-entry';
const PAGE = '/session-inspector';

@Controller()
class ShopController {
  @Post('cart')
  add(@Session() session: Session) {
    session.cart = VALUE;
  }

  @Get('cart')
  show(@Session() session: Session) {
    return { entries: session.size };
  }
}

interface Tested {
  options(): SessionModuleOptions;
  /** Makes each write fail, with an error that quotes what it can. */
  spoil(): Promise<unknown>;
  /** In the error, which is to be shown. */
  readonly reason: string;
}

/** Redis without a command quotes its arguments: the key, and the record. ioredis adds them to each error. */
function onRedis(client: 'redis' | 'ioredis'): Tested {
  const redis = useRedis({ args: ['--rename-command', 'SET', ''] });
  // Sessions connect a duplicate of it.
  const connect = () => new Redis(redis.port, '127.0.0.1', { lazyConnect: true });
  return {
    options: () => ({
      stores: client === 'redis' ? redisStore(redis.url) : redisStore({ client: connect() }),
    }),
    spoil: () => Promise.resolve(),
    reason: 'ERR unknown command',
  };
}

function onPostgres(): Tested {
  const postgres = usePostgres();
  const connect = () => ({ connectionString: postgres.url });
  return {
    options: () => ({ stores: postgresStore({ ...connect(), migrate: true }) }),
    async spoil() {
      const client = new Client(connect());
      await client.connect();
      await client.query('DROP TABLE nest_sessions');
      await client.end();
    },
    reason: 'does not exist (42P01)',
  };
}

const CASES = PLATFORMS.flatMap((platform) =>
  Object.entries({
    'Redis by node-redis': () => onRedis('redis'),
    'Redis by ioredis': () => onRedis('ioredis'),
    Postgres: onPostgres,
  }).map(([name, open]) => [name, platform, open] as const),
);

describe.each(CASES)('the inspector and errors of %s, on %s', (_name, platform, open) => {
  const tested = open();
  const app = useSessionApp(() => ({
    platform,
    options: tested.options(),
    imports: [SessionInspectorModule.forRoot()],
    controllers: [ShopController],
  }));

  it('shows that a write has failed, and nothing of what was written', async () => {
    await tested.spoil();
    const { status } = await app.visitor().post('/cart');
    expect(status).toBe(503);
    const page = (await app.visitor().get(PAGE)).body;
    expect(page).toMatch(/create <small>/);
    expect(page).toContain(tested.reason);
    expect(page).toContain('>503</span>');
    const told = [page, ...app.logged.errors, ...app.logged.warnings].join('\n');
    for (const secret of [VALUE, 'sess:', 'session&quot;', '"session"']) {
      expect(told).not.toContain(secret);
    }
  });
});

const OLD_ID = 'the-old-session-id';
const OLD_SECRET = 'the secret of express-session';

describe.each(PLATFORMS)('the inspector and a session that is migrated, on %s', (platform) => {
  let isDown = true;
  const store: ExpressSessionStore = {
    get(id, done) {
      // As ioredis does, whose errors quote the key.
      if (isDown) done(new Error(`ERR unknown command 'GET', with args beginning with: '${id}'`));
      else done(null, { cookie: {}, cart: VALUE });
    },
    destroy: (_id, done) => done?.(),
  };
  const app = useSessionApp(() => ({
    platform,
    options: { migrateFrom: expressSession({ secret: OLD_SECRET, store }) },
    imports: [SessionInspectorModule.forRoot()],
    controllers: [ShopController],
  }));

  it('shows the failure and the new session, without both ids, the secret and the entries', async () => {
    const cookie = `connect.sid=${encodeURIComponent(`s:${sign(OLD_ID, OLD_SECRET)}`)}`;
    const visit = () => app.visitor().get('/cart', { headers: { cookie } });
    expect((await visit()).status).toBe(503);
    isDown = false;
    const { json, setCookies } = await visit();
    expect(json).toEqual({ entries: 1 });
    const page = (await app.visitor().get(PAGE)).body;
    expect(page).toContain('>503</span>');
    expect(page).toMatch(/set-cookie: connect\.sid=; Max-Age=0;.*set-cookie: SID=…;/s);
    const told = [page, ...app.logged.errors, ...app.logged.warnings].join('\n');
    const newId = /SID=([\w-]{43});/.exec(setCookies.join())![1]!;
    for (const secret of [OLD_ID, OLD_SECRET, VALUE, newId, newId.slice(0, 10)]) {
      expect(told).not.toContain(secret);
    }
  });
});
