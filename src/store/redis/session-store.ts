import { randomFillSync } from 'node:crypto';

import type { SessionStore, StoreDiagnosis, StoredText } from '../../session/storage/store.js';
import type { MakeLink } from './client.js';
import { RedisConnection } from './connection.js';
import { diagnosisOf } from './diagnosis.js';
import { RemovalWatch } from './removal-watch.js';
import { isReply } from './reply.js';
import { READ, REMOVE, UPDATE, type RedisScript } from './scripts.js';

interface Settings {
  /** The timeout of an operation in milliseconds. */
  readonly timeout: number;
  /** The pub/sub channel for removals. Absent: removals are not published. */
  readonly channel?: string | undefined;
}

/** The same as for a connection to memcached. */
const MAX_PARALLEL = 512;

const VERSION_BYTES = 12;
const RECORD = /^([\w-]{16}):/;
/** The version of a value that other software has stored. */
const FOREIGN = '?';

/** A session store in Redis or Valkey. A record is one key, and its value begins with its version. */
export class RedisSessionStore implements SessionStore {
  readonly name = 'redis';
  readonly timeout: number;
  readonly maxParallel = MAX_PARALLEL;
  private readonly connection: RedisConnection;
  private readonly removals: RemovalWatch | undefined;
  private readonly channel: string;
  /** Identifies the messages that this store publishes. */
  private readonly id = newVersion();

  constructor(makeLink: MakeLink, { timeout, channel }: Settings) {
    this.timeout = timeout;
    this.connection = new RedisConnection(makeLink);
    this.channel = channel ?? '';
    this.removals =
      channel === undefined ? undefined : new RemovalWatch(makeLink, channel, this.id);
  }

  async find(key: string, renewTo = 0): Promise<StoredText | undefined> {
    try {
      if (renewTo > 0) {
        return recordIn(await this.connection.send(key, 'GETEX', key, 'EX', String(renewTo)));
      }
      const [value, left] = (await this.run(READ, key, [])) ?? [];
      return recordIn(value, left);
    } catch (error) {
      // Other software has stored a list or a hash under this key.
      if (isReply(error, 'WRONGTYPE')) return { text: '', version: FOREIGN };
      throw error;
    }
  }

  async create(key: string, text: string, lifeSeconds: number): Promise<'stored' | 'taken'> {
    const version = newVersion();
    const value = `${version}:${text}`;
    const life = String(lifeSeconds);
    if (await this.connection.send(key, 'SET', key, value, 'EX', life, 'NX')) return 'stored';
    // The client may have sent the command twice, for example after a redirection.
    const found = await this.find(key);
    return found?.version === version ? 'stored' : 'taken';
  }

  update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
  ): Promise<'stored' | 'changed' | 'gone'> {
    const next = newVersion();
    const args = [version, next, `${next}:${text}`, String(lifeSeconds)];
    return this.run(UPDATE, key, args);
  }

  remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    const args = [version, this.channel, this.id];
    return this.run(REMOVE, key, args);
  }

  ping(): Promise<unknown> {
    return this.connection.send(undefined, 'PING');
  }

  reconnect(): void {
    this.connection.drop();
  }

  async diagnose(): Promise<StoreDiagnosis> {
    await this.ping();
    try {
      return diagnosisOf(String(await this.connection.send(undefined, 'INFO')));
    } catch (error) {
      if (isReply(error, 'NOPERM')) return {};
      throw error;
    }
  }

  watchRemovals(onRemoved: (key: string) => void): () => void {
    return this.removals?.watch(onRemoved) ?? (() => undefined);
  }

  close(): Promise<void> {
    this.removals?.close();
    this.connection.drop();
    return Promise.resolve();
  }

  /** Calls a script by its digest. Sends its text if the server does not know it, as after a restart. */
  private async run<Reply>(
    { text, sha }: RedisScript<Reply>,
    key: string,
    args: string[],
  ): Promise<Reply> {
    const { connection } = this;
    try {
      return (await connection.send(key, 'EVALSHA', sha, '1', key, ...args)) as Reply;
    } catch (error) {
      if (!isReply(error, 'NOSCRIPT')) throw error;
      return (await connection.send(key, 'EVAL', text, '1', key, ...args)) as Reply;
    }
  }
}

/** Random bytes for many versions: asking for those of one costs microseconds. */
const pool = Buffer.alloc(VERSION_BYTES * 256);
let used = pool.length;

function newVersion(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const from = used;
  used += VERSION_BYTES;
  return pool.toString('base64url', from, used);
}

/** `left`: the remaining life in milliseconds; negative: it does not expire. */
function recordIn(value: unknown, left = -1): StoredText | undefined {
  if (typeof value !== 'string') return undefined;
  const [head, version] = RECORD.exec(value) ?? [];
  if (head === undefined) return { text: value, version: FOREIGN };
  const lifeLeft = left < 0 ? undefined : left / 1000;
  return { text: value.slice(head.length), version: version!, lifeLeft };
}
