import { CacheModule } from '@nestjs/cache-manager';
import {
  Inject,
  Module,
  type DynamicModule,
  type NestModule,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost, MetadataScanner, ModulesContainer } from '@nestjs/core';

import { routesWithNestSession } from './http/nest-session-hint.js';
import type { SessionEdge } from './http/request-session.js';
import { serveSessions } from './http/session.middleware.js';
import {
  ConfigurableModuleClass,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './session.module-definition.js';
import {
  cacheOptions,
  clockProvider,
  edgeProvider,
  managerProvider,
  monitorProvider,
  optionsProvider,
  registryProvider,
  SESSION_CLOCK,
  SESSION_EDGE,
  SESSION_OPTIONS,
  SESSION_STORE,
  socketsProvider,
  storeProvider,
  telemetryProvider,
  usersProvider,
} from './session.providers.js';
import { SessionMonitor } from './session-monitor.js';
import { SessionManager } from './session/session-manager.js';
import { SessionSockets } from './sockets/session-sockets.js';
import { SessionTelemetry } from './session/session-telemetry.js';
import { UserSessions } from './session/users/user-sessions.js';
import type { OpenSessionStore } from './store/session-store.factory.js';

/** The options of `SessionModule.forRootAsync()`. */
export type SessionModuleAsyncOptions = typeof ASYNC_OPTIONS_TYPE;

/** The options, in a module of their own: the cache and the sessions both read them. */
@Module({
  providers: [optionsProvider, clockProvider, telemetryProvider],
  exports: [SESSION_OPTIONS, SESSION_CLOCK, SessionTelemetry],
})
class SessionOptionsModule {}

/**
 * HTTP sessions. Import it once, in the `AppModule`:
 *
 * ```ts
 * @Module({ imports: [SessionModule.forRoot({ memcached: '127.0.0.1:11211' })] })
 * export class AppModule {}
 * ```
 */
@Module({
  providers: [
    ...[storeProvider, registryProvider, edgeProvider, socketsProvider],
    ...[managerProvider, usersProvider, monitorProvider],
  ],
  exports: [SessionManager, SessionMonitor, UserSessions],
})
export class SessionModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, OnModuleDestroy
{
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly modules: ModulesContainer,
    @Inject(SESSION_EDGE) private readonly edge: SessionEdge,
    @Inject(SESSION_STORE) private readonly store: OpenSessionStore,
    private readonly sockets: SessionSockets,
  ) {
    super();
  }

  /** Sessions with these options. Kept in memory unless you give `memcached`, `stores` or `cache`. */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return withCache(super.forRoot(options));
  }

  /** The same, with options from a factory, a class or a provider. */
  static override forRootAsync(options: SessionModuleAsyncOptions): DynamicModule {
    return withCache(super.forRootAsync(options));
  }

  /** Called before routes are registered; there is no adapter without an HTTP server. */
  configure(): void {
    const { httpAdapter } = this.adapterHost;
    if (!httpAdapter) return;
    serveSessions(httpAdapter, this.edge);
    this.sockets.serveHandshakes(httpAdapter.getHttpServer() as object);
  }

  onModuleInit(): void {
    for (const route of routesWithNestSession(this.modules, new MetadataScanner())) {
      this.edge.log.takesNestSession(route);
    }
  }

  onModuleDestroy(): void {
    this.sockets.stop();
    this.store.close();
  }
}

function withCache({ imports = [], providers = [], ...definition }: DynamicModule): DynamicModule {
  const options: DynamicModule = { module: SessionOptionsModule, imports, providers };
  const cache = CacheModule.registerAsync({
    imports: [options],
    inject: [SESSION_OPTIONS, SESSION_CLOCK, SessionTelemetry],
    useFactory: cacheOptions,
  });
  return { ...definition, imports: [options, cache] };
}
