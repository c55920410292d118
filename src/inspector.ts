import {
  Module,
  type DynamicModule,
  type MiddlewareConsumer,
  type NestModule,
  type OnModuleDestroy,
} from '@nestjs/common';
import { APP_INTERCEPTOR, ModuleRef } from '@nestjs/core';
import type { ServerResponse } from 'node:http';

import { inspectorController, KEPT } from './inspector/controller.js';
import type { InspectedRequest } from './inspector/headers.js';
import { OperationInterceptor } from './inspector/operation.interceptor.js';
import { TimelineRecorder } from './inspector/recorder.js';
import { SessionOptionsError } from './session/errors.js';
import { refuseUnknownOptions } from './session/option-checks.js';
import { SessionTelemetry } from './session/telemetry.js';

export type { RequestTimeline, StoredEntry, TimelineStep } from './inspector/timeline.js';

/** The options of `SessionInspectorModule.forRoot()`. */
export interface SessionInspectorOptions {
  /** The path of its page, below the application's global prefix. Default `'session-inspector'`. */
  path?: string | undefined;
  /**
   * Whether it may run under `NODE_ENV=production`. Default `false`: the application does not start. The page
   * shows the requests of all users, so protect it with a guard.
   */
  inProduction?: boolean | undefined;
}

/**
 * For development: a page that shows live timelines of the last requests, messages of gateways and operations
 * of GraphQL. Each timeline shows what the request did with its session, its round trips, the entries it
 * stored (names and sizes, never a value, an id or a secret), its cookies and caching headers, and warnings.
 * Recording begins in Nest's middleware.
 *
 * ```ts
 * @Module({ imports: [SessionModule.forRoot(), SessionInspectorModule.forRoot()] })
 * export class AppModule {}
 * ```
 */
@Module({})
export class SessionInspectorModule implements NestModule, OnModuleDestroy {
  constructor(
    private readonly recorder: TimelineRecorder,
    private readonly modules: ModuleRef,
  ) {}

  /** @throws SessionOptionsError in production, unless `inProduction` is `true` */
  static forRoot(options: SessionInspectorOptions = {}): DynamicModule {
    refuseUnknownOptions(options, ['path', 'inProduction']);
    const { path = 'session-inspector', inProduction = false } = options;
    if (typeof path !== 'string' || !/^\/?[\w.~-]+(\/[\w.~-]+)*$/.test(path)) {
      throw new SessionOptionsError(
        'path',
        "give the path of the page, such as 'session-inspector'",
      );
    }
    if (process.env.NODE_ENV === 'production' && inProduction !== true) {
      throw new SessionOptionsError(
        'inProduction',
        'the inspector is for development. Import it only there, or put a guard in front of its page ' +
          'and give inProduction: true',
      );
    }
    return {
      module: SessionInspectorModule,
      controllers: [inspectorController(path)],
      providers: [
        { provide: TimelineRecorder, useFactory: () => new TimelineRecorder(KEPT) },
        { provide: APP_INTERCEPTOR, useClass: OperationInterceptor },
      ],
    };
  }

  /** Called before routes are registered. */
  configure(consumer: MiddlewareConsumer): void {
    const telemetry = this.modules.get(SessionTelemetry, { strict: false });
    this.recorder.start(telemetry);
    const record = (request: InspectedRequest, response: ServerResponse, next: () => void) =>
      this.recorder.record(request, response, next);
    consumer.apply(record).forRoutes('{*path}');
  }

  /** Ends the streams of open pages, and stops recording. */
  onModuleDestroy(): void {
    this.recorder.stop();
  }
}
