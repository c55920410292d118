import { expectReply, readItem, readStatistics } from './memcached-replies.js';

/** When a server was last emptied, by its own clock. */
const EMPTIED = 'nestjs-session-manager:emptied';

/** Held by the process that empties it; emptied with all else. */
const EMPTYING = 'nestjs-session-manager:emptying';
const LOCK_SECONDS = 2;

/** Seconds by which clocks that tick once a second may differ; memcached begins to count at 2. */
const TOLERANCE = 1;

/** What is needed of a `MemcachedNode`. */
interface ReturnedServer {
  readonly health: { readonly secondsDown: number };
  exchange<T>(command: string, read: (reply: unknown) => T): Promise<T>;
}

/**
 * Empties a server that was down, before it is used again: other servers stood in for it, and what it
 * still holds are sessions as they were before, some of them destroyed since.
 *
 * Not if it was restarted meanwhile, nor if another process has just emptied it: what is there now is
 * new. Rejects if the server cannot be emptied (`memcached -F`); then it stays out of use.
 */
export async function emptyUnlessNew(server: ReturnedServer): Promise<void> {
  const { uptime, time } = await server.exchange('stats\r\n', readStatistics);
  const downFor = server.health.secondsDown;
  if (uptime! + TOLERANCE < downFor) return;
  const wentAt = time! - downFor;
  if (await wasEmptiedSince(server, wentAt)) return;
  // One at a time: who finds another one at it comes again, and finds the mark.
  const lock = () => server.exchange(set('add', EMPTYING, '1', LOCK_SECONDS), expectStored);
  await lock();
  // The other one may have been done just before that.
  if (await wasEmptiedSince(server, wentAt)) return;
  await server.exchange('flush_all\r\n', (reply) => expectReply(reply, 'OK'));
  await lock(); // it went with all else, and another process may have it now
  await server.exchange(set('set', EMPTIED, String(time), 0), expectStored);
}

async function wasEmptiedSince(server: ReturnedServer, wentAt: number): Promise<boolean> {
  const mark = await server.exchange(`get ${EMPTIED}\r\n`, (reply) => readItem(reply, EMPTIED));
  return mark !== undefined && Number(mark.text) > wentAt;
}

function set(command: 'add' | 'set', key: string, text: string, ttl: number): string {
  return `${command} ${key} 0 ${ttl} ${text.length}\r\n${text}\r\n`;
}

function expectStored(reply: unknown): void {
  expectReply(reply, 'STORED');
}
