import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A memcached for both sides, behind a relay that can be cut and restored, so that no other program is affected. */
export class RaceStore {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly relay: Server,
    /** Of the relay. */
    readonly address: string,
    /** Of the server itself: what is never cut need not go through this process, which is busy. */
    readonly server: string,
    private readonly ownServer: ChildProcess | undefined,
  ) {}

  /** On the first of these servers, else on a memcached of its own; `undefined`: without memcached. */
  static async open([server]: readonly string[]): Promise<RaceStore | undefined> {
    if (server !== undefined) return RaceStore.before(server);
    if (!isInstalled('memcached')) return undefined;
    const port = await freePort();
    const args = ['-l', '127.0.0.1', '-p', String(port), '-m', '16'];
    if (process.getuid?.() === 0) args.push('-u', 'nobody');
    const child = spawn('memcached', args, { stdio: 'ignore' });
    child.once('error', () => undefined);
    await untilOpen(port);
    return RaceStore.before(`127.0.0.1:${port}`, child);
  }

  private static async before(server: string, child?: ChildProcess): Promise<RaceStore> {
    const [, host = '127.0.0.1', port = '11211'] = /^\[?(.+?)\]?(?::(\d+))?$/.exec(server) ?? [];
    const relay = createServer();
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const { port: relayPort } = relay.address() as AddressInfo;
    const store = new RaceStore(relay, `127.0.0.1:${relayPort}`, server, child);
    relay.on('connection', (near) => store.join(near, connect(Number(port), host)));
    return store;
  }

  /** Connections are cut, and new ones refused. */
  async stop(): Promise<void> {
    const closed = once(this.relay, 'close');
    this.relay.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  async start(): Promise<void> {
    const [, port] = this.address.split(':');
    this.relay.listen(Number(port), '127.0.0.1');
    await once(this.relay, 'listening');
  }

  async close(): Promise<void> {
    if (this.relay.listening) await this.stop();
    this.ownServer?.kill();
  }

  private join(near: Socket, far: Socket): void {
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one);
      one.once('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
      one.on('error', () => undefined);
      one.pipe(other);
    }
  }
}

function isInstalled(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilOpen(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await delay(50);
  }
  throw new Error('The memcached of the race does not start.');
}
