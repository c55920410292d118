import { printable } from '../../session/printable.js';
import { RecordRefused, RecordTooLarge } from '../atomic-record.js';
import type { Command } from './connection.js';
import { MalformedReplyError, type Reply, type ReplyItem } from './reply-parser.js';

/** Name and password of memcached's ASCII authentication (`memcached -Y`). */
export interface MemcachedCredentials {
  readonly username: string;
  readonly password: string;
}

/**
 * memcached answered a command with an error, whose text is the message. The connection stays open.
 */
export class MemcachedError extends Error {}

/** With `-C` every item has version 0, so compare-and-set is not possible. */
export function withoutVersions(): MemcachedError {
  return new MemcachedError('memcached keeps no versions; start it without -C');
}

/**
 * The negative replies to a command, and their reasons. Any other reply means that the connection is out
 * of step.
 */
type Refusals = ReadonlyMap<string, RecordRefused['reason']>;

const STORE_REFUSALS: Readonly<Record<'set' | 'add' | 'cas', Refusals>> = {
  set: new Map(),
  add: new Map([['NOT_STORED', 'taken']]),
  cas: new Map([
    ['EXISTS', 'changed'],
    ['NOT_FOUND', 'gone'],
  ]),
};
const DELETE_REFUSALS: Refusals = new Map([['NOT_FOUND', 'gone']]);

/** The longest error message that is passed on. */
const MAX_MESSAGE = 100;

/** Reads one item. `gats` also sets its time to live to `exptime`; it may be repeated like a read. */
export function read(
  verb: 'get' | 'gets' | 'gats',
  key: string,
  exptime?: number,
): Command<ReplyItem | undefined> {
  const time = exptime === undefined ? '' : `${exptime} `;
  return {
    text: `${verb} ${time}${key}\r\n`,
    read: (reply) => itemOf(reply, key),
    isRepeatable: true,
  };
}

/** The meta protocol's counterpart of `gats`. Without `exptime` it only reads, also the seconds that are left. */
export function metaRead(key: string, exptime?: number): Command<ReplyItem | undefined> {
  const time = exptime === undefined ? 't' : `T${exptime}`;
  return {
    text: `mg ${key} k c v ${time}\r\n`,
    read: (reply) => metaItemOf(reply, key),
    isRepeatable: true,
  };
}

/** Stores an item. Rejects with `RecordRefused` if the item exists, is missing or has another version. */
export function store(
  verb: 'set' | 'add' | 'cas',
  key: string,
  data: string,
  exptime: number,
  version?: string,
): Command<void> {
  const condition = version === undefined ? '' : ` ${version}`;
  const line = `${verb} ${key} 0 ${exptime} ${Buffer.byteLength(data)}${condition}`;
  const refusals = STORE_REFUSALS[verb];
  return { text: `${line}\r\n${data}\r\n`, read: (reply) => expect(reply, 'STORED', refusals) };
}

export function remove(key: string): Command<void> {
  return { text: `delete ${key}\r\n`, read: (reply) => expect(reply, 'DELETED', DELETE_REFUSALS) };
}

/** The first command of a connection: a `set` of any key, with username and password as its value. */
export function authenticate({ username, password }: MemcachedCredentials): Command<void> {
  const { text } = store('set', 'auth', `${username} ${password}`, 0);
  return {
    text,
    read(reply) {
      if (reply.line !== 'STORED') {
        throw new MemcachedError(
          'memcached did not accept username and password; check memcached.auth',
        );
      }
    },
  };
}

/** Reads the server's version, such as `1.6.18`. */
export const askVersion: Command<string> = {
  text: 'version\r\n',
  read({ line }) {
    const [, version] = /^VERSION ([!-~]{1,50})$/.exec(line) ?? [];
    return version ?? refuse(line);
  },
  isRepeatable: true,
};

const META_KEY = 'nestjs-session-manager:meta';

/** Tests whether the server, or a proxy in front of it, supports the meta protocol: reads a missing key. */
export const askMeta: Command<boolean> = {
  text: `mg ${META_KEY} k c v\r\n`,
  read: ({ line }) => isMiss(line, META_KEY),
  isRepeatable: true,
};

/** Reads the server's settings. `undefined`: it does not report them, as in some cloud services. */
export const askSettings: Command<ReadonlyMap<string, string> | undefined> = {
  text: 'stats settings\r\n',
  read: ({ statistics }) => statistics,
  isRepeatable: true,
};

/** Reads the nodes of an ElastiCache cluster: `host|ip|port`, separated by spaces. */
export const askClusterConfiguration: Command<string> = {
  text: 'config get cluster\r\n',
  read: ({ line, item }) => item?.text ?? refuse(line),
  isRepeatable: true,
};

function itemOf({ line, item }: Reply, key: string): ReplyItem | undefined {
  if (line !== 'END') return refuse(line);
  if (item && item.key !== key) throw new MalformedReplyError('an item of another key');
  return item;
}

/** Some releases repeat the missing key in the reply, others do not. */
function isMiss(line: string, key: string): boolean {
  return line === 'EN' || line === `EN k${key}`;
}

function metaItemOf({ line, item }: Reply, key: string): ReplyItem | undefined {
  if (isMiss(line, key)) return undefined;
  if (line !== 'END') return refuse(line);
  if (item?.key !== key) throw new MalformedReplyError('an item of another key');
  return item;
}

function expect({ line }: Reply, expected: string, refusals: Refusals): void {
  if (line === expected) return;
  const reason = refusals.get(line);
  if (reason) throw new RecordRefused(reason);
  refuse(line);
}

function refuse(line: string): never {
  switch (line) {
    case 'CLIENT_ERROR unauthenticated':
      throw new MemcachedError(
        'memcached wants a name and a password (unauthenticated); give memcached.auth',
      );
    case 'SERVER_ERROR object too large for cache':
      throw new RecordTooLarge('memcached takes no items of this size: start it with a larger -I');
  }
  // A bare `ERROR` means that the connection limit was reached, or that the command is unknown.
  if (/^ERROR( Too many open connections)?$/.test(line)) throw new MalformedReplyError(`"${line}"`);
  if (/^(SERVER|CLIENT)_ERROR\b/.test(line)) throw new MemcachedError(printable(line, MAX_MESSAGE));
  throw new MalformedReplyError('a reply to something else');
}
