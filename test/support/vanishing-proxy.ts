import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between a client and a server that can vanish as one does whose machine lost its power. */
export interface VanishingProxy {
  /** `127.0.0.1:port` */
  readonly server: string;
  /** How many connections were made so far. */
  readonly connections: number;
  /** From now on connections that are open stay so, and carry nothing; new ones work. */
  vanish(): void;
  close(): Promise<void>;
}

export async function vanishingProxy(targetPort: number): Promise<VanishingProxy> {
  const open = new Map<Socket, Socket>();
  const halfOpen = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    connections++;
    const upstream = connect(targetPort, '127.0.0.1');
    open.set(client, upstream);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        if (!halfOpen.has(client)) other.write(chunk);
      });
      socket.on('close', () => {
        open.delete(client);
        if (!halfOpen.has(client)) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    vanish() {
      for (const [client, upstream] of open) {
        halfOpen.add(client);
        upstream.destroy();
      }
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const client of [...open.keys(), ...halfOpen]) client.destroy();
      await closed;
    },
  };
}
