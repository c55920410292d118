import { connect } from 'node:net';

/** Stores an item directly in memcached, with any bytes and flags. */
export function plant(port: number, key: string, flags: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let reply = '';
    socket.once('error', reject);
    socket.on('data', (chunk: Buffer) => {
      reply += chunk.toString('latin1');
      if (!reply.endsWith('\r\n')) return;
      socket.destroy();
      if (reply === 'STORED\r\n') resolve();
      else reject(new Error(`memcached did not store what was planted: ${reply.trim()}`));
    });
    socket.write(`set ${key} ${flags} 600 ${bytes.length}\r\n`);
    socket.write(bytes);
    socket.write('\r\n');
  });
}
