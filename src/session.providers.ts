import { CACHE_MANAGER, type CacheModuleOptions } from '@nestjs/cache-manager';
import { Logger, Scope, type FactoryProvider, type ValueProvider } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import type { Cache } from 'cache-manager';

import type { SessionEdge } from './http/request-session.js';
import { SessionCookie } from './http/session-cookie.js';
import { SessionHeader } from './http/session-header.js';
import { SessionIdTransport } from './http/session-id-transport.js';
import { SessionLog } from './http/session-log.js';
import { requestSessionOf } from './http/session-of.js';
import { checkSessionOptions, type CheckedSessionOptions } from './session-options.js';
import { SESSION_MODULE_OPTIONS } from './session.module-definition.js';
import { SessionManager } from './session/session-manager.js';
import { SessionRepository } from './session/session-repository.js';
import { memcachedStore } from './store/memcached-store.js';
import { memoryStore } from './store/memory-store.js';
import { openSessionStore, toKeyv } from './store/session-store.factory.js';

export const SESSION_OPTIONS = Symbol('session options');
export const SESSION_CLOCK = Symbol('session clock');
export const SESSION_EDGE = Symbol('session edge');

/** Milliseconds since 1970. Replace it in tests to move time. */
export type SessionClock = () => number;

export const optionsProvider: FactoryProvider<CheckedSessionOptions> = {
  provide: SESSION_OPTIONS,
  inject: [SESSION_MODULE_OPTIONS],
  useFactory: checkSessionOptions,
};

export const clockProvider: ValueProvider<SessionClock> = {
  provide: SESSION_CLOCK,
  useValue: () => Date.now(),
};

/** The options of the Nest cache that sessions are kept in. */
export function cacheOptions(
  options: CheckedSessionOptions,
  now: SessionClock,
): CacheModuleOptions {
  const { keptIn } = options;
  if (keptIn === 'memory') return { stores: [memoryStore({ now, logger: sessionLogger })] };
  if ('memcached' in keptIn) return { stores: [memcachedStore(keptIn.memcached)] };
  if ('stores' in keptIn) return { stores: keptIn.stores.map(toKeyv) };
  return {}; // the cache that was given is used, and this one is not
}

/** Puts the parts together: options, cache, store, repository, cookie. */
export const edgeProvider: FactoryProvider<SessionEdge> = {
  provide: SESSION_EDGE,
  inject: [SESSION_OPTIONS, SESSION_CLOCK, CACHE_MANAGER],
  useFactory(options: CheckedSessionOptions, now: SessionClock, ownCache: Cache): SessionEdge {
    const { keptIn, cookie, secrets } = options;
    const cache = typeof keptIn === 'object' && 'cache' in keptIn ? keptIn.cache : ownCache;
    const store = openSessionStore(cache, { ...options, now });
    const warn = (message: string) => sessionLogger.warn(message);
    const persistentCookie = cookie.persistent && options.transport.cookie;
    const policy = { ...options, persistentCookie, now, warn };
    const log = new SessionLog(sessionLogger);
    const isShared = keptIn !== 'memory';
    if (isShared && secrets.length === 0 && process.env.NODE_ENV === 'production') {
      log.withoutSecrets();
    }
    return {
      repository: new SessionRepository(store, policy),
      transport: transportOf(options),
      cacheControl: options.cacheControl,
      log,
    };
  },
};

function transportOf({ cookie, timeout, secrets, transport }: CheckedSessionOptions) {
  return new SessionIdTransport(
    transport.cookie ? new SessionCookie(cookie, timeout, secrets) : undefined,
    transport.header ? new SessionHeader(transport.header, secrets) : undefined,
  );
}

/** Request-scoped, though nothing but the request's own session is made anew for each request. */
export const managerProvider: FactoryProvider<SessionManager> = {
  provide: SessionManager,
  scope: Scope.REQUEST,
  inject: [REQUEST],
  // In GraphQL it is the context of its resolvers; outside of any request it is undefined.
  useFactory: (request: unknown) => requestSessionOf(request).manager,
};

const sessionLogger = new Logger('SessionModule');
