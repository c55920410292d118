import { createServer, type AddressInfo, type Socket } from 'node:net';

import { commandReader, keyOf } from './memcached-protocol.js';

interface Command {
  readonly name: string;
  readonly key: string;
}

/** A server whose answers a test decides, also ones that no memcached gives. */
export interface ScriptedMemcached {
  /** `127.0.0.1:port` */
  readonly server: string;
  /** How many connections were made so far. */
  readonly connections: number;
  /** What to answer from now on; `undefined`: nothing. */
  answer(script: (command: Command) => string | undefined): void;
  close(): Promise<void>;
}

export async function scriptedMemcached(): Promise<ScriptedMemcached> {
  const sockets = new Set<Socket>();
  let script: (command: Command) => string | undefined = () => undefined;
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    const reader = commandReader();
    socket.on('data', (chunk) => {
      for (const { line } of reader.read(chunk)) {
        const reply = script({ name: line.split(' ', 1)[0]!, key: keyOf(line) });
        if (reply !== undefined) socket.write(reply, 'latin1');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    answer: (next) => void (script = next),
    async close() {
      const closed = new Promise((resolve) => server.once('close', resolve));
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
