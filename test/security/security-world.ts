import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { Controller, Get, Post, Query, type DynamicModule, type Type } from '@nestjs/common';

import { Session, type SessionModuleOptions } from '../../src/index.js';
import type { StoreOperation } from '../../src/store/store-tracing.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { Gate } from '../support/gate.js';
import type { Visitor } from '../support/http-client.js';
import type { Memcached } from '../support/memcached.js';
import type { RecordingProxy } from '../support/recording-proxy.js';
import { startSessionApp, type Platform, type SessionApp } from '../support/session-app.js';
import { attackedMemcached, type AttackedStore, type StartStore } from './attacked-stores.js';

/** Where requests to `/held` wait, between reading their session and changing it. */
const gates: Gate[] = [];

/** What an application does with sessions. */
@Controller()
export class AccountController {
  @Get('untouched')
  untouched() {
    return 'nothing of a session';
  }

  @Get('read')
  read(@Session() session: Session) {
    return session.toJSON();
  }

  @Post('read')
  readPosted(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('put')
  put(@Session() session: Session, @Query('key') key = 'mark', @Query('value') value = '') {
    session.set(key, value);
  }

  @Get('count')
  count(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }

  @Get('fill')
  fill(@Session() session: Session, @Query('bytes') bytes: string) {
    session.filling = 'x'.repeat(Number(bytes));
  }

  @Get('login')
  async login(@Session() session: Session) {
    const renewed = await session.regenerate();
    renewed.user = 'Ada';
  }

  @Get('logout')
  async logout(@Session() session: Session) {
    await session.destroy();
    return 'signed out';
  }

  @Get('held')
  async held(@Session() session: Session) {
    const before = session.toJSON();
    const gate = new Gate();
    gates.push(gate);
    await gate.pass();
    session.increment('held');
    return before;
  }
}

/** An application with sessions, and their store. */
export interface SecurityWorld {
  readonly store: AttackedStore;
  readonly app: SessionApp;
  readonly clock: TestClock;
  /** A visitor who comes for the first time. */
  visitor(): Visitor;
  /** A visitor with a session that has this mark. */
  visitorWith(mark: string): Promise<Visitor>;
  /** A visitor with this `Cookie` header. */
  sender(cookie: string): Visitor;
  /** Another process of the same application, over the same store. */
  another(options?: SessionModuleOptions): Promise<SessionApp>;
  /** The names of the store's operations while this was done. */
  operationsOf(work: () => Promise<unknown>): Promise<string[]>;
  /** All records that the store holds, by their keys. */
  dump(): Promise<Map<string, string>>;
  close(): Promise<void>;
}

/** The same on memcached, with what passes between them. */
export interface MemcachedSecurityWorld extends SecurityWorld {
  readonly memcached: Memcached;
  readonly wire: RecordingProxy;
  /** What went to memcached while this was done, a line each. */
  commandsOf(work: () => Promise<unknown>): Promise<string[]>;
}

interface Settings {
  readonly platform?: Platform;
  readonly options?: SessionModuleOptions;
  readonly controllers?: Type[];
  readonly imports?: DynamicModule[];
}

export async function securityWorld(settings: Settings = {}): Promise<MemcachedSecurityWorld> {
  const store = await attackedMemcached();
  const { memcached, wire } = store;
  return {
    ...(await worldOver(store, settings)),
    ...{ memcached, wire },
    async commandsOf(work) {
      wire.reset();
      await work();
      return wire.commands.map(({ line }) => line);
    },
  };
}

export async function securityWorldOn(
  startStore: StartStore,
  settings: Settings = {},
): Promise<SecurityWorld> {
  return worldOver(await startStore(), settings);
}

async function worldOver(store: AttackedStore, settings: Settings): Promise<SecurityWorld> {
  const clock = new TestClock();
  const others: SessionApp[] = [];
  const start = (options?: SessionModuleOptions) =>
    startSessionApp({
      controllers: [AccountController],
      ...settings,
      options: { ...store.options(), ...settings.options, ...options },
      clock: clock.now,
    });
  const app = await start();
  return {
    ...{ store, app, clock, operationsOf },
    visitor: () => app.visitor(),
    async visitorWith(mark) {
      const visitor = app.visitor();
      await visitor.get(`/put?value=${mark}`);
      return visitor;
    },
    sender(cookie) {
      const visitor = app.visitor();
      visitor.cookie = cookie;
      return visitor;
    },
    async another(options) {
      others.push(await start(options));
      return others.at(-1)!;
    },
    dump: () => store.dump(),
    async close() {
      for (const one of [app, ...others]) await one.close();
      await store.stop();
    },
  };
}

async function operationsOf(work: () => Promise<unknown>): Promise<string[]> {
  const operations: string[] = [];
  const name = 'tracing:nestjs-session-manager:store:start';
  const note = (message: unknown) => void operations.push((message as StoreOperation).operation);
  subscribe(name, note);
  await work();
  unsubscribe(name, note);
  return operations;
}

/** Begins a request to `/held`; done when it has read its session and waits. */
export async function hold(visitor: Visitor): Promise<{
  readonly answer: ReturnType<Visitor['get']>;
  readonly release: () => void;
}> {
  const before = gates.length;
  const answer = visitor.get('/held');
  while (gates.length === before) await new Promise((resolve) => setImmediate(resolve));
  const gate = gates[before]!;
  await gate.reached;
  return { answer, release: () => gate.release() };
}

/** The id in a visitor's cookie, signed or not. */
export function idOf(visitor: Visitor): string {
  const [, id] = /SID=(?:s%3A)?([\w-]{43})/.exec(visitor.cookie) ?? [];
  if (!id) throw new Error(`no session cookie: ${visitor.cookie}`);
  return id;
}
