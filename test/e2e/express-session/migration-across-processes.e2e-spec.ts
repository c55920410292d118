import { describe, expect, it } from '@jest/globals';
import { Controller, Post, Req } from '@nestjs/common';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';

import { use, useMemcached, useRedis } from '../../support/hooks.js';
import { visitor } from '../../support/http-client.js';
import { startNodeServer } from '../../support/node-server.js';
import { PLATFORMS, startSessionApp } from '../../support/session-app.js';

const { default: connectMemcached } = (await import('connect-memcached')) as {
  default: (library: typeof session) => new (options: object) => session.Store;
};

const SECRET = 'the old secret';
const ENTRIES = { cart: ['apple'], visits: 5, passport: { user: 7 } };

@Controller()
class OldController {
  @Post('enter')
  enter(@Req() request: { session: object; sessionID: string }) {
    Object.assign(request.session, ENTRIES);
    return { id: request.sessionID };
  }
}

const KINDS = ['connect-memcached', 'connect-redis'] as const;
const CASES = PLATFORMS.flatMap((platform) => KINDS.map((kind) => ({ platform, kind })));

describe.each(CASES)(
  'a session of $kind that two processes carry over at once, on $platform',
  ({ platform, kind }) => {
    const memcached = useMemcached();
    const redis = useRedis();
    const old = use(
      async () => {
        const { store, close } =
          kind === 'connect-redis' ? await redisRecords(redis.url) : records(memcached.server);
        const options = { secret: SECRET, resave: false, saveUninitialized: false, store };
        const app = await startSessionApp({
          controllers: [OldController],
          prepare: (one) => one.use(session(options)),
        });
        return { app, store, close };
      },
      async ({ app, close }) => {
        await app.close();
        close();
      },
    );
    const processes = use(
      async () => {
        const args = [platform, kind, memcached.server, redis.url, SECRET];
        const start = () => startNodeServer('migration-server.mjs', ...args);
        return { servers: await Promise.all([start(), start()]) };
      },
      ({ servers }) => Promise.all(servers.map((server) => server.stop())),
    );

    /** Whether the old store has the session. */
    const exists = (id: string) =>
      new Promise<boolean>((resolve, reject) =>
        old.store.get(id, (error: Error | null, found: unknown) =>
          error ? reject(error) : resolve(Boolean(found)),
        ),
      );

    it('becomes one session, with its entries once, and its record is removed', async () => {
      const { servers } = processes;
      expect(new Set(servers.map(({ pid }) => pid)).size).toBe(2);
      const before = old.app.visitor();
      const { id } = (await before.post('/enter')).json as { id: string };
      expect(await exists(id)).toBe(true);

      // Each request comes with the old cookie alone, as if none had an answer yet.
      const headers = { cookie: before.cookie };
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          visitor(servers[n % 2]!.url).post('/visit', undefined, { headers }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
      expect(await exists(id)).toBe(false);
      const ids = answers.flatMap(({ setCookies }) =>
        setCookies.flatMap((line) => /^SID=([\w-]{43})/.exec(line)?.[1] ?? []),
      );
      expect(ids.length).toBeGreaterThan(0);
      for (const { url } of servers) {
        for (const sid of new Set(ids)) {
          const { json } = await visitor(url).get('/entries', {
            headers: { cookie: `SID=${sid}` },
          });
          expect(json).toEqual({ userId: '7', entries: { ...ENTRIES, visits: 25 } });
        }
        expect((await visitor(url).get('/devices')).json).toEqual({ count: 1 });
      }
    });
  },
);

interface Records {
  readonly store: session.Store;
  readonly close: () => void;
}

function records(server: string): Records {
  const store = new (connectMemcached(session))({ hosts: [server], prefix: 'old:' });
  return { store, close: () => (store as unknown as { client: { end(): void } }).client.end() };
}

async function redisRecords(url: string): Promise<Records> {
  const client = createClient({ url });
  await client.connect();
  return { store: new RedisStore({ client }), close: () => client.destroy() };
}
