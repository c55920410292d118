import type { Socket } from 'node:net';

const batches = new WeakMap<Socket, string>();

/**
 * Sends what is written to a socket within one turn of the event loop together: for commands as
 * short as memcached's, the system call costs more than all the rest.
 */
export function writeInBatch(socket: Socket, command: string): void {
  const batch = batches.get(socket);
  if (batch === undefined) setImmediate(flush, socket);
  batches.set(socket, batch === undefined ? command : batch + command);
}

function flush(socket: Socket): void {
  const batch = batches.get(socket);
  batches.delete(socket);
  if (batch !== undefined && !socket.destroyed) socket.write(batch);
}
