import type { Socket } from 'node:net';

import { writeInBatch } from './command-batch.js';
import { giveUp } from './guarded-socket.js';

/** Name and password of memcached's ASCII authentication (`memcached -Y`). */
export interface MemcachedCredentials {
  readonly username: string;
  readonly password: string;
}

const STORED = 'STORED\r\n';

/**
 * Signs in with the first command of a connection: a `set` of any key, whose value is name and
 * password. Its reply is kept from the client library, which did not ask.
 *
 * Protocol: https://github.com/memcached/memcached/blob/master/doc/protocol.txt, "Authentication"
 */
export function signIn(socket: Socket, { username, password }: MemcachedCredentials): void {
  const data = `${username} ${password}`;
  const readers = socket.listeners('data') as ((chunk: Buffer) => void)[];
  let reply = Buffer.alloc(0);
  const readReply = (chunk: Buffer) => {
    reply = Buffer.concat([reply, chunk]);
    if (reply.length < STORED.length && !reply.includes('\n')) return;
    socket.off('data', readReply);
    for (const reader of readers) socket.on('data', reader);
    const rest = reply.subarray(STORED.length);
    if (!reply.toString('latin1').startsWith(STORED)) {
      giveUp(socket, new Error('memcached did not accept username and password'));
    } else if (rest.length > 0) {
      for (const reader of readers) reader.call(socket, rest);
    }
  };
  for (const reader of readers) socket.off('data', reader);
  socket.on('data', readReply);
  writeInBatch(socket, `set auth 0 0 ${Buffer.byteLength(data)}\r\n${data}\r\n`);
}
