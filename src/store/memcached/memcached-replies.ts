import type { ErrorKind } from '../server-health.js';

/** What memcached sends back for a key. */
export interface MemcachedItem {
  readonly text: string;
  readonly version: string;
}

/**
 * A reply that cannot be one to its command: its connection is out of step, or memcached is none. What
 * else comes from there must not be taken for anybody's session.
 */
export class GarbledReply extends Error {}

/** As the client library puts them together, by the key that memcached names. */
type Items = Record<string, { readonly value: unknown; readonly casUniq?: unknown } | undefined>;

/** Reads the reply to `get` or `gats` for one key. What other clients stored as no text is none. */
export function readItem(reply: unknown, key: string): MemcachedItem | undefined {
  if (Array.isArray(reply) || typeof reply !== 'object') {
    throw new GarbledReply('memcached answered a read with something else');
  }
  const items = reply as Items;
  const names = Object.keys(items);
  if (names.length === 0) return undefined;
  const item = items[key];
  if (!item || names.length > 1) throw new GarbledReply('memcached answered for another key');
  const { value, casUniq = '0' } = item;
  if (typeof casUniq !== 'string' || !/^\d+$/.test(casUniq)) {
    throw new GarbledReply('memcached answered with a version that is none');
  }
  return typeof value === 'string' ? { text: value, version: casUniq } : undefined;
}

/** Checks the reply to a command that changes something: `STORED`, `DELETED`. */
export function expectReply(reply: unknown, expected: string): void {
  if (Array.isArray(reply) && reply.length === 1 && reply[0] === expected) return;
  throw new GarbledReply(`memcached did not answer ${expected}`);
}

export function expectVersion(reply: unknown): void {
  if (Array.isArray(reply) && reply[0] === 'VERSION') return;
  throw new GarbledReply('memcached did not tell its version');
}

/** Reads the reply to `stats`. */
export function readStatistics(reply: unknown): Record<string, number> {
  const lines = (reply as { STAT?: unknown }).STAT;
  if (!Array.isArray(lines)) throw new GarbledReply('memcached did not tell its statistics');
  return Object.fromEntries(
    (lines as [string, string][]).map(([name, value]): [string, number] => [name, Number(value)]),
  );
}

/** What memcached says of an item that is not as expected; errors to the client library. */
const REFUSALS = new Set(['NOT_STORED', 'EXISTS', 'NOT_FOUND']);

/** What the error of a command says of its server. */
export function errorKind(error: unknown): ErrorKind {
  const { message } = error as Error;
  if (REFUSALS.has(message)) return 'answer';
  // A bare `ERROR` is for who should not be there: too many connections, a command it does not know.
  return /^(SERVER|CLIENT)_ERROR\b/.test(message) ? 'complaint' : 'silence';
}
