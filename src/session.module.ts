import { CacheModule } from '@nestjs/cache-manager';
import {
  Inject,
  Module,
  type DynamicModule,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost, MetadataScanner, ModulesContainer } from '@nestjs/core';

import { routesWithNestSession } from './http/nest-session-hint.js';
import type { SessionEdge } from './http/request-session.js';
import { serveSessions } from './http/session.middleware.js';
import { MadeOnce } from './same-options.js';
import { SESSION_MODULE } from './session-module-imports.js';
import {
  ConfigurableModuleClass,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './session.module-definition.js';
import {
  barePartsProvider,
  cacheOptions,
  clockProvider,
  edgeProvider,
  managerProvider,
  monitorProvider,
  optionsProvider,
  partsProvider,
  registryProvider,
  SESSION_CLOCK,
  SESSION_OPTIONS,
  socketsProvider,
  storeProvider,
  telemetryProvider,
  usersProvider,
  type SessionParts,
} from './session.providers.js';
import { SessionMonitor } from './session-monitor.js';
import { SessionOptionsError } from './session/errors.js';
import { requireOptions } from './session/option-checks.js';
import { SessionManager } from './session/session-manager.js';
import { SessionTelemetry } from './session/telemetry.js';
import { UserSessions } from './session/users/user-sessions.js';

/** The options of `SessionModule.forRootAsync()`. */
export type SessionModuleAsyncOptions = typeof ASYNC_OPTIONS_TYPE;

/** The options, in a module of their own: the cache and the sessions both read them. */
@Module({
  providers: [optionsProvider, clockProvider, telemetryProvider],
  exports: [SESSION_OPTIONS, SESSION_CLOCK, SessionTelemetry],
})
class SessionOptionsModule {}

/** Of the modules that `forRoot()` and `forRootAsync()` have made. */
const madeByOptions = new MadeOnce<DynamicModule>();
const madeAsync = new MadeOnce<DynamicModule>();

/**
 * HTTP sessions. Import it once, in the `AppModule`:
 *
 * ```ts
 * @Module({ imports: [SessionModule.forRoot({ memcached: '127.0.0.1:11211' })] })
 * export class AppModule {}
 * ```
 */
@Module({ providers: [barePartsProvider] })
export class SessionModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, OnModuleDestroy, OnApplicationShutdown
{
  static readonly [SESSION_MODULE] = true;
  private beforeRoutes: (() => void) | undefined;
  private readonly edge: SessionEdge;
  private readonly letGo: () => Promise<void>;

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly modules: ModulesContainer,
    @Inject(SESSION_MODULE) private readonly parts: SessionParts,
  ) {
    super();
    this.edge = parts.edge;
    this.letGo = parts.store.hold();
    this.serve();
  }

  /**
   * Sessions with these options. Kept in memory unless you give `memcached`, `stores` or `cache`.
   *
   * The same options twice are one module, wherever they are imported. Others in the same application
   * stop its start.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    requireOptions(options);
    return madeByOptions.of(options, () => configured(super.forRoot(options)));
  }

  /**
   * Sessions with options from a factory (`useFactory`), or from a `SessionOptionsFactory` (`useClass`,
   * `useExisting`). The same options are here the same
   * function or class, and equal others.
   *
   * @throws SessionOptionsError without one of these
   */
  static override forRootAsync(options: SessionModuleAsyncOptions): DynamicModule {
    checkAsyncOptions(options);
    return madeAsync.of(options, () => configured(super.forRootAsync(options)));
  }

  /** Called before routes are registered. */
  configure(): void {
    this.serve();
    this.beforeRoutes?.();
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter) this.parts.sockets.serveHandshakes(httpAdapter.getHttpServer() as object);
  }

  /**
   * As early as there is an adapter, ahead of what `app.use()` adds: a testing module gets one only when
   * its application is made, and without an HTTP server there is none.
   */
  private serve(): void {
    const { httpAdapter } = this.adapterHost;
    if (!httpAdapter || this.beforeRoutes) return;
    this.beforeRoutes = serveSessions(httpAdapter, this.edge);
  }

  /** Looks at the servers, and says where sessions are. A server that is down does not stop the start. */
  async onModuleInit(): Promise<void> {
    const { store, sockets, options } = this.parts;
    const { log, repository } = this.edge;
    repository.generations.onChange = () => void sockets.closeEnded();
    const [servers] = await Promise.all([
      store.diagnose(options.maxBytes),
      repository.generations.start(),
    ]);
    log.backend(store.place, servers, store.advice);
    for (const route of routesWithNestSession(this.modules, new MetadataScanner())) {
      this.edge.log.takesNestSession(route);
    }
  }

  /** Stops sweeps and probes. */
  onModuleDestroy(): void {
    this.parts.sockets.stop();
    this.edge.repository.generations.stop();
    this.parts.store.close();
  }

  /** After the last request and message: Nest closes the stores of its caches before its HTTP server. */
  async onApplicationShutdown(): Promise<void> {
    await this.parts.sockets.end();
    await this.edge.repository.deliveries.settle();
    await this.letGo();
  }
}

function checkAsyncOptions(options: SessionModuleAsyncOptions): void {
  requireOptions(options);
  const { useFactory, useClass, useExisting } = options;
  if ([useFactory, useClass, useExisting].some((one) => typeof one === 'function')) return;
  // `useExisting` may name a provider by a symbol or a text.
  if (useExisting) return;
  throw new SessionOptionsError(
    'options',
    'give useFactory, a function that returns the options, or useClass or useExisting, a ' +
      'SessionOptionsFactory',
  );
}

const DISTINCTION = Symbol('distinction');
let configuredModules = 0;

function configured({ imports = [], providers = [], ...definition }: DynamicModule): DynamicModule {
  const options: DynamicModule = {
    module: SessionOptionsModule,
    imports,
    // Nest's algorithm `deep-hash` takes two functions of the same text, or two stores, for one.
    providers: [...providers, { provide: DISTINCTION, useValue: ++configuredModules }],
  };
  const cache = CacheModule.registerAsync({
    imports: [options],
    inject: [SESSION_OPTIONS, SESSION_CLOCK, SessionTelemetry],
    useFactory: cacheOptions,
  });
  return {
    ...definition,
    imports: [options, cache],
    providers: [
      ...[storeProvider, registryProvider, edgeProvider, socketsProvider],
      ...[managerProvider, usersProvider, monitorProvider, partsProvider],
    ],
    exports: [SessionManager, SessionMonitor, UserSessions],
  };
}
