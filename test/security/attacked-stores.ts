import { Redis as IoValkey } from 'iovalkey';
import { Client } from 'pg';
import { createClient } from 'redis';

import type { SessionModuleOptions } from '../../src/index.js';
import { postgresMigration, postgresStore } from '../../src/postgres.js';
import { redisStore } from '../../src/redis.js';
import type { RedisLocation } from '../../src/store/redis/options.js';
import { fromColumn, toColumn } from '../../src/store/sql/text-column.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { startPostgres } from '../support/postgres.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { startRedis, type RedisProgram } from '../support/redis.js';
import { PLATFORMS, type Platform } from '../support/session-app.js';
import { tcpProxy } from '../support/tcp-proxy.js';

/** A store of sessions, its failures, and what an attacker with access to it sees and does. */
export interface AttackedStore {
  /** For one more application that has the same sessions. */
  options(): SessionModuleOptions;
  /** The way of the applications to it. */
  readonly wire: {
    hang(on: boolean): void;
    refuse(on: boolean): Promise<void>;
    cut(): void;
  };
  /** Lets it refuse whatever changes a record. */
  failWrites(on: boolean): Promise<unknown>;
  /** All texts of records, by their keys. */
  dump(): Promise<Map<string, string>>;
  /** Puts a text under a key. */
  overwrite(key: string, text: string): Promise<void>;
  remove(key: string): Promise<unknown>;
  /** Removes all records. */
  flush(): Promise<unknown>;
  stop(): Promise<void>;
}

export interface AttackedMemcached extends AttackedStore {
  readonly memcached: Memcached;
  readonly wire: RecordingProxy;
}

export async function attackedMemcached(): Promise<AttackedMemcached> {
  const memcached = await startMemcached();
  const wire = await recordingProxy(memcached.port);
  return {
    ...{ memcached, wire },
    options: () => ({ memcached: wire.server }),
    failWrites: (on) => Promise.resolve(wire.failWrites(on)),
    async dump() {
      const records = new Map<string, string>();
      for (const key of await memcached.keys()) {
        const reply = await memcached.command(`get ${key}`);
        const [, text] = /^VALUE [^\r]*\r\n([^]*)\r\nEND\r\n$/.exec(reply) ?? [];
        if (text !== undefined) records.set(key, text);
      }
      return records;
    },
    async overwrite(key, text) {
      const reply = await memcached.command(`set ${key} 0 0 ${Buffer.byteLength(text)}\r\n${text}`);
      if (reply !== 'STORED\r\n') throw new Error(`memcached: ${reply}`);
    },
    remove: (key) => memcached.command(`delete ${key}`),
    flush: () => memcached.flush(),
    async stop() {
      await wire.close();
      await memcached.stop();
    },
  };
}

/** Stands before the text of a record, with a colon. */
const VERSION = 'AAAAAAAAAAAAAAAA';

async function attackedRedis(
  program: RedisProgram,
  connect: (server: string) => RedisLocation,
): Promise<AttackedStore> {
  const redis = await startRedis({ program });
  const wire = await tcpProxy(redis.port);
  const client = await createClient({ url: redis.url }).connect();
  return {
    wire,
    options: () => ({ stores: redisStore(connect(wire.server)) }),
    failWrites: (on) => client.configSet('min-replicas-to-write', on ? '1' : '0'),
    async dump() {
      const records = new Map<string, string>();
      for (const key of await client.keys('*')) {
        const value = await client.get(key);
        if (value !== null) records.set(key, value.slice(VERSION.length + 1));
      }
      return records;
    },
    async overwrite(key, text) {
      await client.set(key, `${VERSION}:${text}`, { EX: 1200 });
    },
    remove: (key) => client.del(key),
    flush: () => client.flushAll(),
    async stop() {
      client.destroy();
      await wire.close();
      await redis.stop();
    },
  };
}

const REFUSE = `
  CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'refused'; END $$;
  CREATE OR REPLACE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON nest_sessions
    FOR EACH ROW EXECUTE FUNCTION refuse()`;

async function attackedPostgres(): Promise<AttackedStore> {
  const postgres = await startPostgres();
  const wire = await tcpProxy(postgres.port);
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(postgresMigration());
  const connectionString = `postgresql://postgres@${wire.server}/postgres`;
  return {
    wire,
    options: () => ({ stores: postgresStore({ connectionString }) }),
    failWrites: (on) =>
      client.query(on ? REFUSE : 'DROP TRIGGER IF EXISTS refuse ON nest_sessions'),
    async dump() {
      const { rows } = await client.query<{ key: string; data: string }>(
        'SELECT key, data FROM nest_sessions',
      );
      return new Map(rows.map(({ key, data }) => [key, fromColumn(data)]));
    },
    async overwrite(key, text) {
      await client.query(
        `INSERT INTO nest_sessions VALUES ($1, 'another', $2, now() + interval '1200 s')
         ON CONFLICT (key) DO UPDATE SET version = excluded.version, data = excluded.data`,
        [key, toColumn(text)],
      );
    },
    remove: (key) => client.query('DELETE FROM nest_sessions WHERE key = $1', [key]),
    flush: () => client.query('DELETE FROM nest_sessions'),
    async stop() {
      await client.end();
      await wire.close();
      await postgres.stop();
    },
  };
}

export type StartStore = () => Promise<AttackedStore>;

export interface AttackedPlace {
  readonly name: string;
  readonly startStore: StartStore;
}

/** What is promised of sessions holds in each of them. */
export const STORES: readonly AttackedPlace[] = [
  { name: 'memcached', startStore: attackedMemcached },
  {
    name: 'Redis',
    startStore: () => attackedRedis('redis-server', (server) => `redis://${server}`),
  },
  { name: 'Postgres', startStore: attackedPostgres },
];

/** As in Redis, but for the server and its own client. */
export const VALKEY: AttackedPlace = {
  name: 'Valkey',
  startStore: () =>
    attackedRedis(
      'valkey-server',
      (server) => new IoValkey(`redis://${server}`, { lazyConnect: true }),
    ),
};

/** Platforms and stores do not know each other: each one once with the other's first is enough. */
export const CASES: readonly (AttackedPlace & { readonly platform: Platform })[] =
  PLATFORMS.flatMap((platform, index) =>
    (index === 0 ? [...STORES, VALKEY] : STORES.slice(0, 1)).map((store) => ({
      ...store,
      platform,
    })),
  );
