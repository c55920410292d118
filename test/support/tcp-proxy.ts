import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { delayedWriter } from './delayed-writer.js';

/** Stands between a client and any server, and makes what goes wrong with connections. */
export interface TcpProxy {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly server: string;
  /** Breaks off all connections. */
  cut(): void;
  /** Breaks off all connections and refuses new ones, on the same port. */
  refuse(on: boolean): Promise<void>;
  /** Milliseconds by which data of the server is delayed. */
  delay(milliseconds: number): void;
  /** Nothing gets through until it is over; then all of it. Connections can be made. */
  hang(on: boolean): void;
  /** From now on new connections lead to another server; those that are open stay. */
  leadTo(port: number): void;
  /** From now on connections that are open stay so, and carry nothing; new ones work. */
  vanish(): void;
  close(): Promise<void>;
}

export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  const open = new Map<Socket, Socket>();
  const halfOpen = new Set<Socket>();
  let [target, delay] = [targetPort, 0];
  let held: (() => void)[] | undefined;

  const pass = (work: () => void): void => {
    if (held) held.push(work);
    else work();
  };
  const serve = (client: Socket): void => {
    client.on('error', () => undefined);
    const upstream = connect(target, '127.0.0.1');
    open.set(client, upstream);
    const isAlive = () => !halfOpen.has(client);
    const answer = delayedWriter(client);
    client.setNoDelay(true).on('data', (chunk) => {
      if (isAlive()) pass(() => upstream.write(chunk));
    });
    upstream.setNoDelay(true).on('data', (chunk) => {
      pass(() => {
        if (isAlive()) answer(chunk, delay);
      });
    });
    upstream.on('error', () => undefined);
    client.on('close', () => {
      open.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => isAlive() && client.destroy());
  };
  let server: Server | undefined = await listen(0, serve);
  const { port } = server.address() as AddressInfo;

  const cut = (): void => {
    for (const client of [...open.keys(), ...halfOpen]) client.destroy();
  };
  return {
    port,
    server: `127.0.0.1:${port}`,
    cut,
    async refuse(on) {
      if (!on) {
        server ??= await listen(port, serve);
        return;
      }
      // Its callback waits for the connections; the port is free at once.
      server?.close();
      server = undefined;
      cut();
    },
    delay: (milliseconds) => void (delay = milliseconds),
    hang(on) {
      const waiting = held ?? [];
      held = on ? waiting : undefined;
      if (!on) for (const work of waiting) work();
    },
    leadTo: (another) => void (target = another),
    vanish() {
      for (const [client, upstream] of open) {
        halfOpen.add(client);
        upstream.destroy();
      }
    },
    async close() {
      const closed = new Promise((resolve) => (server ? server.close(resolve) : resolve(0)));
      cut();
      await closed;
    },
  };
}

async function listen(port: number, serve: (client: Socket) => void): Promise<Server> {
  const server = createServer(serve);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}
