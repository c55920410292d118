import { expectReply, readItem, readStatistics } from './memcached-replies.js';

/** When a server was last emptied, by its own clock. */
const EMPTIED = 'nestjs-session-manager:emptied';

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
  const marker = await server.exchange(`get ${EMPTIED}\r\n`, (reply) => readItem(reply, EMPTIED));
  if (marker && Number(marker.text) > time! - downFor) return;
  await server.exchange('flush_all\r\n', (reply) => expectReply(reply, 'OK'));
  const text = String(time);
  const command = `set ${EMPTIED} 0 0 ${text.length}\r\n${text}\r\n`;
  await server.exchange(command, (reply) => expectReply(reply, 'STORED'));
}
