import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { Injectable } from '@nestjs/common';
import type { Cache } from 'cache-manager';
import { Keyv } from 'keyv';
import {
  memcachedStore,
  SessionModule,
  type RegenerateOptions,
  type SessionAccess,
  type SessionCookieOptions,
  type SessionKey,
  type SessionModuleOptions,
  type SessionOptionsFactory,
} from 'nestjs-session-manager';
import { expressSession, type ExpressSessionStore } from 'nestjs-session-manager/express-session';

/** Each option, so that one that is added is an error here until it accepts `undefined`. */
type Nothing<T> = Record<keyof T, undefined>;

const cookie: Nothing<SessionCookieOptions> = {
  ...{ name: undefined, path: undefined, domain: undefined, sameSite: undefined },
  ...{ secure: undefined, partitioned: undefined, priority: undefined, persistent: undefined },
};
const nothing: Nothing<SessionModuleOptions> = {
  ...{ timeout: undefined, absoluteTimeout: undefined, memcached: undefined, stores: undefined },
  ...{ durable: undefined, cache: undefined, keyPrefix: undefined, maxBytes: undefined },
  ...{ cookie: undefined, transport: undefined, rotateEvery: undefined, rotateGrace: undefined },
  ...{ secrets: undefined, maxSessionsPerUser: undefined, whenTooMany: undefined },
  ...{ revokeEverybodyWithin: undefined, socketSweep: undefined, onOutage: undefined },
  cacheControl: undefined,
  strictValues: undefined,
  migrateFrom: undefined,
  remember: undefined,
};
export const options: SessionModuleOptions = nothing;
export const cookieOptions: SessionCookieOptions = cookie;
export const access: SessionAccess = { readOnly: undefined, touch: undefined, onOutage: undefined };
export const keep: RegenerateOptions = { keep: undefined };
export const key: SessionKey = 'visits';

@Injectable()
export class SessionConfig implements SessionOptionsFactory {
  createSessionOptions(): SessionModuleOptions {
    return { timeout: 60 };
  }
}

@Injectable()
export class LaterConfig implements SessionOptionsFactory {
  async createSessionOptions(): Promise<SessionModuleOptions> {
    return Promise.resolve({ memcached: '127.0.0.1:11211' });
  }
}

export class NoConfig {
  createOptions(): SessionModuleOptions {
    return {};
  }
}

export const modules = [
  SessionModule.forRoot(),
  SessionModule.forRoot({ ...options, cookie, isGlobal: undefined }),
  SessionModule.forRoot({ stores: [memcachedStore('127.0.0.1:11211')], isGlobal: false }),
  SessionModule.forRoot({
    memcached: { servers: 'cache-1:11211', timeout: undefined, tls: undefined, auth: undefined },
  }),
  SessionModule.forRootAsync({ useClass: SessionConfig, isGlobal: undefined }),
  SessionModule.forRootAsync({ useExisting: LaterConfig }),
  SessionModule.forRootAsync({ useFactory: () => ({ timeout: undefined, secrets: undefined }) }),
];

interface OldEntries {
  readonly passport?: { readonly user?: number };
}

export const migrations = (store: ExpressSessionStore) => [
  expressSession({ secret: 'a secret', store, name: undefined, cookie: undefined }),
  expressSession({ secret: ['newer', 'older'], store, userId: () => undefined }),
  expressSession({
    ...{ secret: 'a secret', store, cookie: { secure: 'auto' as const, path: undefined } },
    userId: ({ passport }: OldEntries) => passport?.user?.toString(),
  }),
  expressSession({
    ...{ secret: 'a secret', store },
    // @ts-expect-error -- no text
    userId: ({ passport }: OldEntries) => passport?.user,
  }),
  // @ts-expect-error -- no secret
  expressSession({ store }),
];

export const caches = [
  CacheModule.register({ isGlobal: true, stores: [memcachedStore('127.0.0.1:11211')] }),
  SessionModule.forRootAsync({
    inject: [CACHE_MANAGER],
    useFactory: (cache: Cache) => ({ cache }),
  }),
  SessionModule.forRoot({ stores: new Keyv() }),
];

export const misuse = [
  // @ts-expect-error -- no such option
  SessionModule.forRoot({ timout: 60 }),
  // @ts-expect-error -- not a number of seconds
  SessionModule.forRoot({ timeout: '20m' }),
  // @ts-expect-error -- no such option
  SessionModule.forRoot({ cookie: { samesite: 'lax' } }),
  // @ts-expect-error -- makes no options
  SessionModule.forRootAsync({ useClass: NoConfig }),
];
