import 'reflect-metadata';

import type { AddressInfo } from 'node:net';

import type {
  DynamicModule,
  INestApplication,
  LoggerService,
  Provider,
  Type,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';

import { SessionModule, type SessionModuleOptions } from '../../src/index.js';
import type { SessionEdge } from '../../src/http/request-session.js';
import { SESSION_CLOCK, SESSION_EDGE, type SessionClock } from '../../src/session.providers.js';
import { visitor, type Visitor } from './http-client.js';

export type Platform = 'express' | 'fastify';

/** For `describe.each`: whatever holds, holds on both. */
export const PLATFORMS: Platform[] = ['express', 'fastify'];

export interface SessionApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly logged: LogRecord;
  /** A new visitor, without cookies. */
  visitor(): Visitor;
  /** Settles when the users' lists know of all sign-ins that were answered. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface SessionAppSettings {
  readonly platform?: Platform;
  readonly options?: SessionModuleOptions;
  /** In place of `SessionModule.forRoot(options)`. */
  readonly sessions?: DynamicModule;
  readonly imports?: DynamicModule[];
  readonly controllers: Type[];
  readonly providers?: Provider[];
  readonly clock?: SessionClock;
  /** Whether the framework believes what proxies say of the client. */
  readonly trustProxy?: boolean;
  /** Called before the application listens. */
  readonly prepare?: (app: INestApplication) => void;
}

/** A Nest application with sessions, listening on a free loopback port. */
export async function startSessionApp(settings: SessionAppSettings): Promise<SessionApp> {
  const { platform = 'express', options, controllers, providers = [] } = settings;
  const logged = new LogRecord();
  const building = Test.createTestingModule({
    imports: [settings.sessions ?? SessionModule.forRoot(options), ...(settings.imports ?? [])],
    controllers,
    providers,
  }).setLogger(logged);
  if (settings.clock) building.overrideProvider(SESSION_CLOCK).useValue(settings.clock);
  const module = await building.compile();
  const app =
    platform === 'fastify'
      ? module.createNestApplication(
          new FastifyAdapter({ trustProxy: settings.trustProxy === true }),
        )
      : module.createNestApplication();
  if (settings.trustProxy && platform === 'express') {
    (app as NestExpressApplication).set('trust proxy', true);
  }
  settings.prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  const url = `http://127.0.0.1:${port}`;
  const settled = () =>
    app.get<SessionEdge>(SESSION_EDGE, { strict: false }).repository.deliveries.settle();
  return { app, url, logged, visitor: () => visitor(url), settled, close: () => app.close() };
}

/** What an application logs, a line each. */
export class LogRecord implements LoggerService {
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  /** Lines that are logged at start, and by Nest itself. */
  readonly infos: string[] = [];

  warn(message: unknown): void {
    this.warnings.push(String(message));
  }

  error(message: unknown): void {
    this.errors.push(String(message));
  }

  log(message: unknown): void {
    this.infos.push(String(message));
  }
}
