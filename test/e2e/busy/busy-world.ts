import type { Server } from 'node:http';

import { Controller, Get, Param, Post } from '@nestjs/common';
import { Keyv } from 'keyv';

import {
  memcachedStore,
  Session,
  SessionMonitor,
  type SessionModuleOptions,
} from '../../../src/index.js';
import {
  CrowdClient,
  outcomesOf,
  type CrowdRequest,
  type CrowdSeen,
} from '../../support/crowd-client.js';
import { PostgresAdapter } from '../../support/postgres-adapter.js';
import {
  PLATFORMS,
  startSessionApp,
  type Platform,
  type SessionApp,
} from '../../support/session-app.js';

@Controller()
class BusyController {
  @Get('untouched')
  untouched() {
    return {};
  }

  @Post('join/:mark')
  join(@Session() session: Session, @Param('mark') mark: string) {
    session.mark = mark;
    return { mark };
  }

  @Get('read')
  read(@Session('mark') mark: string | undefined) {
    return { mark: mark ?? null };
  }

  @Post('write')
  write(@Session() session: Session) {
    session.increment('count');
    return { mark: (session.mark as string | undefined) ?? null };
  }
}

export const JOIN: CrowdRequest = { method: 'POST', path: '/join/$', expected: '{"mark":"$"}' };
export const READ: CrowdRequest = { path: '/read', expected: '{"mark":"$"}' };
/** Without a session: what the machine itself makes of a request. */
export const UNTOUCHED: CrowdRequest = { path: '/untouched' };
export const WRITE: CrowdRequest = { method: 'POST', path: '/write', expected: '{"mark":"$"}' };

/** Where sessions are kept. */
export interface Place {
  readonly memcached: string;
  readonly postgres: string;
}

export const STORES: Record<string, (place: Place) => SessionModuleOptions> = {
  memcached: ({ memcached }) => ({ memcached }),
  'Postgres by Keyv': ({ postgres }) => ({ stores: tierOf(postgres) }),
  'memcached, with a copy in Postgres': ({ memcached, postgres }) => ({
    stores: [memcachedStore(memcached), tierOf(postgres)],
  }),
};

/**
 * For `describe.each`: the stores, each on a framework by turns, as neither knows of the other.
 * `BUSY=all`: each on both.
 */
export function surroundingsOf(stores: readonly string[]): [store: string, platform: Platform][] {
  return stores.flatMap((store, at) =>
    PLATFORMS.filter((_, turn) => process.env.BUSY === 'all' || at % PLATFORMS.length === turn).map(
      (platform): [string, Platform] => [store, platform],
    ),
  );
}

/** Milliseconds. */
export function slowest(seen: readonly CrowdSeen[]): number {
  return Math.max(0, ...seen.map(({ took }) => took));
}

function tierOf(uri: string): Keyv {
  return new Keyv({ store: new PostgresAdapter({ uri }) });
}

/** An application that has much to do, and those who keep it busy. */
export class BusyWorld {
  private constructor(
    readonly app: SessionApp,
    readonly crowd: CrowdClient,
  ) {}

  static async start(platform: Platform, options: SessionModuleOptions): Promise<BusyWorld> {
    const controllers = [BusyController];
    const app = await startSessionApp({ platform, options, controllers });
    return new BusyWorld(app, CrowdClient.start(app));
  }

  get states(): string[] {
    return this.app.app.get(SessionMonitor).servers.map(({ state }) => state);
  }

  /** Resolves in the turn of the event loop in which this request arrives, counted from now. */
  arrived(count: number): Promise<void> {
    const server = this.app.app.getHttpServer() as Server;
    return new Promise((resolve) => {
      let arrived = 0;
      const arrive = (): void => {
        if (++arrived < count) return;
        server.off('request', arrive);
        resolve();
      };
      server.on('request', arrive);
    });
  }

  /** Half of the clients read at the same moment, and the others write. Returns what they saw. */
  async readAndWrite(count: number): Promise<Record<string, number>> {
    return outcomesOf(await this.crowd.ask(count, [READ, WRITE]));
  }

  async close(): Promise<void> {
    await this.crowd.close();
    await this.app.close();
  }
}

/** Keeps the event loop from everything else. */
export function block(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end;);
}
