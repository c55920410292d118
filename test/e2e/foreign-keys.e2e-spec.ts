import { createHash } from 'node:crypto';

import { afterEach, describe, expect, it } from '@jest/globals';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { Body, Controller, Get, Inject, Post } from '@nestjs/common';
import type { Cache } from 'cache-manager';
import { Keyv } from 'keyv';

import { memcachedStore, Session, SessionModule } from '../../src/index.js';
import { useMemcached } from '../support/hooks.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { LogRecord } from '../support/session-app.js';
import { visitor } from '../support/http-client.js';
import { Test } from '@nestjs/testing';
import type { INestApplication } from '@nestjs/common';
import type { AddressInfo } from 'node:net';

/** Lets its users choose the keys of the cache that sessions are in. */
@Controller()
class CarelessController {
  constructor(@Inject(CACHE_MANAGER) private readonly cache: Cache) {}

  @Get('in')
  async in(@Session() session: Session) {
    await session.signIn('ada');
  }

  @Get('who')
  who(@Session() session: Session) {
    return { user: session.userId ?? null };
  }

  @Post('cache')
  async write(@Body() { way, key }: { way: string; key: string }) {
    const value = '{"user":"admin"}';
    try {
      switch (way) {
        case 'set':
          await this.cache.set(key, value, 60_000);
          break;
        case 'mset':
          await this.cache.mset([
            { key: 'other', value },
            { key, value },
          ]);
          break;
        case 'del':
          await this.cache.del(key);
          break;
        case 'mdel':
          await this.cache.mdel(['other', key]);
          break;
        case 'wrap':
          await this.cache.wrap(key, () => value, 60_000);
          break;
        case 'clear':
          await this.cache.clear();
          break;
      }
      return { done: true, value: (await this.cache.get<string>(key)) ?? null };
    } catch (error) {
      return { code: (error as { code?: string }).code ?? null };
    }
  }
}

const memcached = useMemcached();
let app: INestApplication;

afterEach(() => app.close());
async function start(store: Keyv) {
  const module = await Test.createTestingModule({
    imports: [
      CacheModule.register({ isGlobal: true, stores: [store] }),
      SessionModule.forRootAsync({
        inject: [CACHE_MANAGER],
        useFactory: (cache: Cache) => ({ cache }),
      }),
    ],
    controllers: [CarelessController],
  })
    .setLogger(new LogRecord())
    .compile();
  app = module.createNestApplication();
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  return visitor(`http://127.0.0.1:${port}`);
}

const stores: [string, () => Keyv][] = [
  ['memcached', () => memcachedStore(memcached.server)],
  ['a plain Keyv store', () => new Keyv({ store: new PlainAdapter() })],
];

describe.each(stores)('a cache whose keys come from users, over %s', (_name, open) => {
  it.each(['set', 'mset', 'del', 'mdel', 'wrap'])(
    'cannot write to the sessions in it: %s',
    async (way) => {
      const ada = await start(open());
      await ada.get('/in');
      const id = ada.cookie.replace('SID=', '');
      const key = `sess:${createHash('sha256').update(id).digest('base64url')}`;
      const refused = await ada.post('/cache', { way, key });
      expect(refused.json).toEqual({ code: 'SESSION_FOREIGN_KEY' });
      expect((await ada.get('/who')).json).toEqual({ user: 'ada' });
      expect((await ada.post('/cache', { way, key: `page:${key}` })).json).toMatchObject({
        done: true,
      });
    },
  );
});
