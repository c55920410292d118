import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Keyv } from 'keyv';

import { memcachedStore, type SessionModuleOptions } from '../../src/index.js';
import { postgresStore } from '../../src/postgres.js';
import { redisStore } from '../../src/redis.js';
import { sqliteStore } from '../../src/sqlite.js';
import { startMemcached } from './memcached.js';
import { hasSqlite } from './node-with-sqlite.js';
import { startPostgres } from './postgres.js';
import { startRedis } from './redis.js';

/** Where sessions can be kept. */
export interface Place {
  readonly name: string;
  /** Not by two applications: the memory is another one in each, and a plain store promises less then. */
  readonly isForOneProcess?: boolean;
  start(): Promise<OpenPlace>;
}

export interface OpenPlace {
  /** For one more application that has the same sessions. */
  options(): SessionModuleOptions;
  stop(): Promise<unknown>;
}

const SECRET = 'a secret of thirty-two characters or more';
const nothing = () => Promise.resolve();

/** `describe.each` runs through them; SQLite only where Node.js has it. */
export const PLACES: readonly Place[] = [
  {
    name: 'memcached',
    async start() {
      const memcached = await startMemcached();
      return { options: () => ({ memcached: memcached.server }), stop: () => memcached.stop() };
    },
  },
  {
    name: 'memcached with secrets',
    async start() {
      const memcached = await startMemcached();
      const options = () => ({ memcached: memcached.server, secrets: SECRET });
      return { options, stop: () => memcached.stop() };
    },
  },
  {
    name: 'the memory of the process',
    isForOneProcess: true,
    start: () => Promise.resolve({ options: () => ({}), stop: nothing }),
  },
  {
    name: 'a plain store',
    isForOneProcess: true,
    start() {
      const store = new Map();
      return Promise.resolve({ options: () => ({ stores: new Keyv({ store }) }), stop: nothing });
    },
  },
  {
    name: 'a durable tier',
    async start() {
      const store = new Map();
      const memcached = await startMemcached();
      const options = () => ({ stores: [memcachedStore(memcached.server), new Keyv({ store })] });
      return { options, stop: () => memcached.stop() };
    },
  },
  {
    name: 'Redis',
    async start() {
      const redis = await startRedis();
      return { options: () => ({ stores: redisStore(redis.url) }), stop: () => redis.stop() };
    },
  },
  {
    name: 'Postgres',
    async start() {
      const postgres = await startPostgres();
      const { url: connectionString } = postgres;
      const options = () => ({ stores: postgresStore({ connectionString, migrate: true }) });
      return { options, stop: () => postgres.stop() };
    },
  },
  {
    name: 'Redis with a durable tier in Postgres',
    async start() {
      const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
      const { url: connectionString } = postgres;
      return {
        options: () => ({
          stores: [redisStore(redis.url), postgresStore({ connectionString, migrate: true })],
        }),
        stop: () => Promise.all([redis.stop(), postgres.stop()]),
      };
    },
  },
  ...(hasSqlite() ? [sqlite()] : []),
];

function sqlite(): Place {
  return {
    name: 'SQLite',
    async start() {
      const folder = await mkdtemp(join(tmpdir(), 'sqlite-'));
      return {
        options: () => ({ stores: sqliteStore(join(folder, 'sessions.db')) }),
        stop: () => rm(folder, { recursive: true }),
      };
    },
  };
}
