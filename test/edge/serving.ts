import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

import { jest } from '@jest/globals';
import type { DynamicModule, INestApplication, Provider, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

import { SessionModule, type SessionModuleOptions } from '../../src/index.js';
import { LogRecord, type Platform } from '../support/session-app.js';
import { askHttp, type Ask } from './ask.js';
import { StreamWaysController } from './stream-ways-controller.js';
import { WaysController } from './ways-controller.js';
import type { Addition, Need } from './ways-to-send.js';

export interface Served {
  readonly ask: Ask;
  /** Without it there are no connections. */
  readonly server?: Server;
  readonly close: () => Promise<void>;
}

export interface Surrounding {
  readonly name: string;
  readonly platforms: readonly Platform[];
  /** Whether responses are compressed, if the client takes that. */
  readonly compresses?: boolean;
  /** What no response has here, sessions or not. */
  readonly lacks?: readonly Need[];
  readonly adds?: Addition;
  readonly start: (platform: Platform, options: SessionModuleOptions) => Promise<Served>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;
export type Prepare = (app: INestApplication, platform: Platform) => unknown;

/** The application in question: with sessions, and all ways to send. */
export class WaysModule {
  static of(
    options: SessionModuleOptions,
    { imports = [], providers = [] }: Additions = {},
  ): DynamicModule {
    const controllers = [WaysController, StreamWaysController];
    const module = { module: WaysModule, controllers, providers };
    return { ...module, imports: [SessionModule.forRoot(options), ...imports] };
  }
}

interface Additions {
  readonly imports?: readonly (DynamicModule | Type)[];
  readonly providers?: Provider[];
}

export async function create(
  module: DynamicModule,
  adapter: ExpressAdapter | FastifyAdapter,
): Promise<INestApplication> {
  const logger = new LogRecord();
  return NestFactory.create<INestApplication>(module, adapter, { logger, abortOnError: false });
}

export const adapterOf = (platform: Platform) =>
  platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();

export const originOf = (server: { address(): AddressInfo | string | null }) =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

export async function listening(app: INestApplication, prefix = ''): Promise<Served> {
  await app.listen(0, '127.0.0.1');
  const server = app.getHttpServer() as Server;
  return { ask: below(prefix, askHttp(originOf(server))), server, close: () => app.close() };
}

/** An application that its own server serves, with something done to it before. */
export function prepared(prepare: Prepare, additions: Additions = {}): Surrounding['start'] {
  return async (platform, options) => {
    const app = await create(WaysModule.of(options, additions), adapterOf(platform));
    await prepare(app, platform);
    return listening(app);
  };
}

/** Nest's framework as a handler, in something else that a server of Node.js serves. */
export function within(around: (nest: Handler) => Handler, prefix = ''): Surrounding['start'] {
  return async (platform, options) => {
    const app = await create(WaysModule.of(options), adapterOf(platform));
    await app.init();
    const server = createServer(around(await handlerOf(app)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      ask: below(prefix, askHttp(originOf(server))),
      server,
      async close() {
        await new Promise((resolve) => server.close(resolve));
        await app.close();
      },
    };
  };
}

async function handlerOf(app: INestApplication): Promise<Handler> {
  const instance: unknown = app.getHttpAdapter().getInstance();
  if (app.getHttpAdapter().getType() === 'express') return instance as Handler;
  const fastify = instance as { ready(): Promise<unknown>; routing: Handler };
  await fastify.ready();
  return fastify.routing;
}

const below =
  (prefix: string, ask: Ask): Ask =>
  (path, question) =>
    ask(prefix + path, question);

/** Jest does not let light-my-request require an ES module, as Node.js does. */
export async function makeInjectable(): Promise<void> {
  const injector = createRequire(import.meta.url).resolve('light-my-request');
  const required = createRequire(injector).resolve('cookie');
  const loaded = (await import(required)) as object;
  jest.doMock(required, () => loaded);
}
