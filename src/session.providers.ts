import { CACHE_MANAGER, type CacheModuleOptions } from '@nestjs/cache-manager';
import { Logger, Scope, type FactoryProvider, type ValueProvider } from '@nestjs/common';
import { ApplicationConfig, ModuleRef, ModulesContainer, REQUEST } from '@nestjs/core';
import type { Cache } from 'cache-manager';

import { PrintableLogger } from './http/printable-logger.js';
import type { SessionEdge } from './http/request-session.js';
import { SessionCookie } from './http/cookie.js';
import { SessionHeader } from './http/header.js';
import { SessionIdTransport } from './http/id-transport.js';
import { SessionLog } from './http/log.js';
import { managerOf } from './http/session-of.js';
import {
  checkSessionOptions,
  type CheckedSessionOptions,
  type SessionModuleOptions,
} from './session-options.js';
import {
  refuseBareImport,
  requireOneSessionModule,
  SESSION_MODULE,
} from './session-module-imports.js';
import { SESSION_MODULE_OPTIONS } from './session.module-definition.js';
import { LineLimit } from './session/line-limit.js';
import { printable } from './session/printable.js';
import { SessionManager } from './session/session-manager.js';
import { SESSION_CLOCK, type SessionClock } from './session/session-clock.js';
import { SessionMonitor } from './session-monitor.js';
import { SessionRepository } from './session/repository.js';
import { SessionTelemetry } from './session/telemetry.js';
import { UserSessions } from './session/users/user-sessions.js';
import { SessionSockets } from './sockets/session-sockets.js';
import { SocketRegistry } from './sockets/registry.js';
import { memcachedKeyv } from './store/memcached/store.js';
import { memoryStore } from './store/memory/store.js';
import type { ServerWatcher } from './store/server-health.js';
import {
  keepForSessions,
  openSessionStore,
  toKeyv,
  type OpenSessionStore,
} from './store/store.factory.js';
import type { TierListener } from './store/tier/tiered-store.js';

export const SESSION_OPTIONS = Symbol('session options');
export const SESSION_STORE = Symbol('session store');
export const SESSION_EDGE = Symbol('session edge');

export { SESSION_CLOCK, type SessionClock };

/** What `SessionModule` itself needs. */
export interface SessionParts {
  readonly edge: SessionEdge;
  readonly options: CheckedSessionOptions;
  readonly store: OpenSessionStore;
  readonly sockets: SessionSockets;
}

/** Of a `SessionModule` that is imported without `forRoot()`: says so, and who imports it. */
export const barePartsProvider: FactoryProvider<SessionParts> = {
  provide: SESSION_MODULE,
  inject: [ModulesContainer, ModuleRef],
  useFactory: (modules: ModulesContainer, moduleRef: ModuleRef) =>
    refuseBareImport(modules, moduleRef),
};

/** In its place, of one with options. */
export const partsProvider: FactoryProvider<SessionParts> = {
  provide: SESSION_MODULE,
  inject: [SESSION_EDGE, SESSION_OPTIONS, SESSION_STORE, SessionSockets],
  useFactory: (
    edge: SessionEdge,
    options: CheckedSessionOptions,
    store: OpenSessionStore,
    sockets: SessionSockets,
  ) => ({ edge, options, store, sockets }),
};

/** All parts wait for the options, and so for this check. */
export const optionsProvider: FactoryProvider<CheckedSessionOptions> = {
  provide: SESSION_OPTIONS,
  inject: [SESSION_MODULE_OPTIONS, ModulesContainer, ModuleRef],
  async useFactory(options: SessionModuleOptions, modules: ModulesContainer, moduleRef: ModuleRef) {
    await requireOneSessionModule(modules, moduleRef);
    return checkSessionOptions(options);
  },
};

export const clockProvider: ValueProvider<SessionClock> = {
  provide: SESSION_CLOCK,
  useValue: () => Date.now(),
};

export const telemetryProvider: FactoryProvider<SessionTelemetry> = {
  provide: SessionTelemetry,
  useFactory: () => new SessionTelemetry(),
};

/** The options of the Nest cache that sessions are kept in. */
export function cacheOptions(
  options: CheckedSessionOptions,
  now: SessionClock,
  telemetry: SessionTelemetry,
): CacheModuleOptions {
  const { backend } = options;
  if (backend === 'memory') {
    const onEvict = () => telemetry.emit('evicted', {});
    return { stores: [memoryStore({ now, logger: sessionLogger, onEvict })] };
  }
  if ('memcached' in backend) return { stores: [memcachedKeyv(backend.memcached)] };
  if ('stores' in backend) return { stores: backend.stores.map(toKeyv) };
  return {}; // the cache that was given is used, and this one is not
}

/** The store in that cache, whose outages are reported. */
export const storeProvider: FactoryProvider<OpenSessionStore> = {
  provide: SESSION_STORE,
  inject: [SESSION_OPTIONS, SESSION_CLOCK, CACHE_MANAGER, SessionTelemetry],
  useFactory(
    options: CheckedSessionOptions,
    now: SessionClock,
    ownCache: Cache,
    telemetry: SessionTelemetry,
  ): OpenSessionStore {
    const { backend } = options;
    const cache = typeof backend === 'object' && 'cache' in backend ? backend.cache : ownCache;
    const tierListener = tellTier(telemetry);
    const open = openSessionStore(cache, { ...options, now, tierListener });
    if (cache !== ownCache) keepForSessions(cache, options.keyPrefix);
    open.watch(outageWatcher(telemetry));
    return open;
  },
};

function tellTier(telemetry: SessionTelemetry): TierListener {
  return {
    copyFailed: () => telemetry.emit('copy-failed', {}),
    restored: () => telemetry.emit('restored', {}),
  };
}

function outageWatcher(telemetry: SessionTelemetry): ServerWatcher {
  return {
    outageBegan(server, error) {
      sessionLog.outageBegan(server, error);
      const reason = printable(error instanceof Error ? error.message : error);
      telemetry.emit('outage-began', { server, reason });
    },
    outageEnded(server, seconds, failures) {
      sessionLog.outageEnded(server, seconds, failures);
      telemetry.emit('outage-ended', { server, seconds, failures });
    },
    noticed: (notice) => sessionLogger.warn(notice),
  };
}

export const monitorProvider: FactoryProvider<SessionMonitor> = {
  provide: SessionMonitor,
  inject: [SessionTelemetry, SESSION_STORE],
  useFactory: (telemetry: SessionTelemetry, store: OpenSessionStore) =>
    new SessionMonitor(telemetry, store),
};

export const registryProvider: FactoryProvider<SocketRegistry> = {
  provide: SocketRegistry,
  useFactory: () => new SocketRegistry(),
};

/** Has to be there before Nest binds the gateways. */
export const socketsProvider: FactoryProvider<SessionSockets> = {
  provide: SessionSockets,
  inject: [
    ...[SESSION_EDGE, SocketRegistry, SESSION_OPTIONS, SESSION_STORE],
    ...[ModulesContainer, ApplicationConfig],
  ],
  useFactory(
    edge: SessionEdge,
    registry: SocketRegistry,
    { socketSweep }: CheckedSessionOptions,
    store: OpenSessionStore,
    modules: ModulesContainer,
    config: ApplicationConfig,
  ): SessionSockets {
    const sockets = new SessionSockets(edge, registry, socketSweep, (onRemoved) =>
      store.watchRemovals(onRemoved),
    );
    sockets.serveGateways(modules, config);
    return sockets;
  },
};

/** Puts the parts together: options, store, repository, cookie. */
export const edgeProvider: FactoryProvider<SessionEdge> = {
  provide: SESSION_EDGE,
  inject: [...[SESSION_OPTIONS, SESSION_CLOCK, SESSION_STORE, SessionTelemetry], SocketRegistry],
  useFactory(
    options: CheckedSessionOptions,
    now: SessionClock,
    { store }: OpenSessionStore,
    telemetry: SessionTelemetry,
    sockets: SocketRegistry,
  ): SessionEdge {
    const { backend, cookie, secrets } = options;
    const warnings = new LineLimit((line) => sessionLogger.warn(line));
    const warn = (message: string) => warnings.add(message);
    const persistentCookie = cookie.persistent && options.transport.cookie;
    const policy = { ...options, persistentCookie, now, warn, telemetry };
    const isShared = backend !== 'memory';
    if (isShared && secrets.length === 0 && process.env.NODE_ENV === 'production') {
      sessionLog.withoutSecrets();
    }
    const { absoluteTimeout, timeout } = options;
    if (absoluteTimeout !== false && absoluteTimeout < timeout) {
      sessionLog.absoluteTimeoutIsShort(absoluteTimeout, timeout);
    }
    return {
      repository: new SessionRepository(sockets.listenTo(store), policy),
      transport: transportOf(options),
      cacheControl: options.cacheControl,
      onOutage: options.onOutage,
      migration: options.migrateFrom,
      log: new SessionLog(sessionLogger),
      telemetry,
    };
  },
};

function transportOf({ cookie, timeout, secrets, transport }: CheckedSessionOptions) {
  return new SessionIdTransport(
    transport.cookie ? new SessionCookie(cookie, timeout, secrets) : undefined,
    transport.header ? new SessionHeader(transport.header, secrets) : undefined,
  );
}

/** A singleton: it needs no request. */
export const usersProvider: FactoryProvider<UserSessions> = {
  provide: UserSessions,
  inject: [SESSION_EDGE],
  useFactory: ({ repository }: SessionEdge) =>
    new UserSessions(repository.users, repository.generations),
};

/** Request-scoped, though nothing but the request's own session is made anew for each request. */
export const managerProvider: FactoryProvider<SessionManager> = {
  provide: SessionManager,
  scope: Scope.REQUEST,
  inject: [REQUEST],
  // In GraphQL it is the context of its resolvers; outside of any request it is undefined.
  useFactory: managerOf,
};

const sessionLogger = new PrintableLogger(new Logger('SessionModule'));
const sessionLog = new SessionLog(sessionLogger);
