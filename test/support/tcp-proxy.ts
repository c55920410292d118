import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { delayedWriter } from './delayed-writer.js';

/** Stands between a client and any server, and makes what goes wrong with connections. */
export interface TcpProxy {
  readonly port: number;
  /** Breaks off all connections. */
  cut(): void;
  /** Breaks off all connections, and new ones at once, until it is told otherwise. */
  refuse(on: boolean): void;
  /** What the server says comes so many milliseconds later. */
  delay(milliseconds: number): void;
  /** Nothing gets through until it is over; then all of it. Connections can be made. */
  hang(on: boolean): void;
  /** From now on connections that are open stay so, and carry nothing; new ones work. */
  vanish(): void;
  close(): Promise<void>;
}

export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  const open = new Map<Socket, Socket>();
  const halfOpen = new Set<Socket>();
  const state = { refuses: false, delay: 0 };
  let held: (() => void)[] | undefined;

  const pass = (work: () => void): void => {
    if (held) held.push(work);
    else work();
  };
  const server = createServer((client) => {
    client.on('error', () => undefined);
    if (state.refuses) return void client.destroy();
    const upstream = connect(targetPort, '127.0.0.1');
    open.set(client, upstream);
    const isAlive = () => !halfOpen.has(client);
    const answer = delayedWriter(client);
    client.setNoDelay(true).on('data', (chunk) => {
      if (isAlive()) pass(() => upstream.write(chunk));
    });
    upstream.setNoDelay(true).on('data', (chunk) => {
      pass(() => {
        if (isAlive()) answer(chunk, state.delay);
      });
    });
    upstream.on('error', () => undefined);
    client.on('close', () => {
      open.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => isAlive() && client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const cut = (): void => {
    for (const client of [...open.keys(), ...halfOpen]) client.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    refuse(on) {
      state.refuses = on;
      if (on) cut();
    },
    delay: (milliseconds) => void (state.delay = milliseconds),
    hang(on) {
      const waiting = held ?? [];
      held = on ? waiting : undefined;
      if (!on) for (const work of waiting) work();
    },
    vanish() {
      for (const [client, upstream] of open) {
        halfOpen.add(client);
        upstream.destroy();
      }
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
