import { once } from 'node:events';
import { connect } from 'node:net';

import { checksumSeal } from '../../src/session/storage/seal.js';
import { newSessionId } from '../../src/session/session-id.js';
import { StoreKeys } from '../../src/session/storage/keys.js';
import {
  decodeRecord,
  encodeRecord,
  type SessionRecord,
} from '../../src/session/storage/record-format.js';
import type { Memcached } from '../../test/support/memcached.js';
import { Visitor } from '../visitors/visitor.js';

const LIFE_SECONDS = 86_400;
const PER_WRITE = 2_000;

export interface Prefilled {
  /** What `count` visitors send. */
  readonly cookies: readonly string[];
  /** What a session's record takes beyond the JSON of its entries. */
  readonly overheadBytes: number;
  readonly entriesBytes: number;
  /** What memcached takes for a session, with its key and its item header. */
  readonly itemBytes: number;
}

/**
 * Puts sessions into memcached, faster than visitors could: one joins, and the others get copies of
 * its record, under ids of their own.
 */
export async function prefill(
  memcached: Memcached,
  serverPort: number,
  count: number,
): Promise<Prefilled> {
  const visitor = new Visitor(serverPort);
  const { cookie, status } = await visitor.ask({ path: '/join?mark=copied' });
  await visitor.leave();
  if (status !== 200 || !cookie) throw new Error(`A visitor got no session: ${status}`);

  const record = await recordOf(memcached, cookie.slice('SID='.length));
  const cookies = [cookie];
  const socket = connect(memcached.port, '127.0.0.1');
  await once(socket, 'connect');
  while (cookies.length < count) {
    let commands = '';
    for (let i = 0; i < PER_WRITE && cookies.length < count; i++) {
      const id = newSessionId();
      const text = recordText(keyOf(id), record);
      cookies.push(`SID=${id}`);
      commands += `set ${keyOf(id)} 0 ${LIFE_SECONDS} ${text.length} noreply\r\n${text}\r\n`;
    }
    if (!socket.write(commands, 'latin1')) await once(socket, 'drain');
  }
  // Answered when all the rest is done.
  socket.write('version\r\n');
  await once(socket, 'data');
  socket.destroy();

  const { curr_items, bytes, evictions } = await memcached.stats();
  if (Number(curr_items) !== count || evictions !== '0') {
    throw new Error(`memcached holds ${curr_items} sessions of ${count}: its -m is too small`);
  }
  const entriesBytes = jsonLength(record);
  return {
    cookies,
    entriesBytes,
    overheadBytes: recordText(keyOf(cookie), record).length - entriesBytes,
    itemBytes: Math.round(Number(bytes) / count),
  };
}

async function recordOf(memcached: Memcached, id: string): Promise<SessionRecord> {
  const reply = await memcached.command(`get ${keyOf(id)}`);
  const text = reply.slice(reply.indexOf('\r\n') + 2, reply.lastIndexOf('\r\nEND'));
  const record = decodeRecord(checksumSeal.open(keyOf(id), text) ?? '');
  if (!record || 'forwardTo' in record) throw new Error(`No record: ${reply}`);
  return record;
}

/** What the entries take as one JSON object. */
function jsonLength({ entries }: SessionRecord): number {
  const members = Array.from(entries, ([key, json]) => `${JSON.stringify(key)}:${json}`);
  return `{${members.join()}}`.length;
}

function recordText(storeKey: string, record: SessionRecord): string {
  return checksumSeal.close(storeKey, encodeRecord(record));
}

const keys = new StoreKeys('sess:', []);

function keyOf(id: string): string {
  return keys.of({ id, secret: 0 });
}
