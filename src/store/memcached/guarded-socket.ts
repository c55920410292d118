import type { Socket } from 'node:net';

const guarded = new WeakSet<Socket>();

/**
 * Breaks off a connection whose bytes the client library throws at: from within the socket's event the
 * error would end the process. Answers whether the connection is a new one.
 */
export function guard(socket: Socket): boolean {
  if (guarded.has(socket)) return false;
  guarded.add(socket);
  for (const read of socket.listeners('data') as ((chunk: Buffer) => void)[]) {
    socket.off('data', read);
    socket.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        giveUp(socket, error as Error);
      }
    });
  }
  return true;
}

/**
 * Ends a connection, and fails what still waits for its replies. The client library learns of it at
 * once; of a socket that is destroyed it would a moment later, and send it more until then.
 */
export function giveUp(socket: Socket, reason: Error): void {
  socket.emit('error', reason);
  socket.destroy();
}
