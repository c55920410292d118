import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { ServerDialer } from '../../../src/store/memcached/server-dialer.js';
import { AnsweringConnection } from './answering.js';
import { ConnectionRun } from './connection-run.js';
import type { Dial, Program } from './program.js';

/** Milliseconds. */
const TICK = 4;
const TIMEOUT = 20 * TICK;

/** Milliseconds after which something is not late, but will never be. */
const NEVER = 10_000;

const AT_ONCE: Dial = { how: 'opened', after: 0 };

/** A program's connections to a server by TCP, in real time. */
export class NetworkRun {
  readonly run: ConnectionRun;
  private readonly sockets: Socket[] = [];
  private readonly dials: Dial[];

  private constructor(
    private readonly program: Program,
    private readonly server: Server,
  ) {
    this.dials = [...program.dials];
    const { port } = server.address() as AddressInfo;
    const dialer = new ServerDialer(
      { host: '127.0.0.1', port },
      {
        ...(program.hasGreeting && { auth: { username: 'name', password: 'password' } }),
        onNotice: () => undefined,
      },
    );
    this.run = new ConnectionRun(program, TIMEOUT, dialer, () => performance.now());
    server.on('connection', (socket: Socket) => this.accept(socket));
  }

  static async begin(program: Program): Promise<NetworkRun> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new NetworkRun(program, server);
  }

  /** Answers with what is left behind. */
  async play(): Promise<string[]> {
    const { run, server } = this;
    const endings: Promise<unknown>[] = [];
    for (const { wait, operations, closes } of this.program.steps) {
      if (wait > 0) await delay(wait * TICK);
      endings.push(...operations.map((operation) => run.begin(operation)));
      if (closes) run.connection.close();
    }
    const areEnded = await happens(Promise.all(endings));
    run.connection.close();
    const areClosed = await happens(Promise.all(this.sockets.map(closed)));
    for (const socket of this.sockets) socket.destroy();
    server.close();
    const characters = Reflect.get(run.connection, 'characters') as number;
    return [
      ...(areEnded ? [] : ['an operation has not ended']),
      ...(areClosed ? [] : ['a socket is open']),
      ...(run.connection.size === 0 ? [] : ['commands are left']),
      ...(characters === 0 ? [] : ['characters are left']),
    ];
  }

  private accept(socket: Socket): void {
    this.sockets.push(socket);
    socket.on('error', () => undefined);
    const { how, after } = this.dials.shift() ?? AT_ONCE;
    if (how === 'refused') return void socket.resetAndDestroy();
    // Only a reader notices that the client has gone.
    if (how !== 'opened') return void socket.resume();
    const end = {
      get isClosed() {
        return socket.destroyed || socket.writableEnded;
      },
      send: (bytes: Buffer) => void socket.write(bytes),
      close: () => void socket.destroySoon(),
      reset: () => void socket.resetAndDestroy(),
    };
    const { memcached, nextAnswer } = this.run;
    const connection = new AnsweringConnection(memcached, end, nextAnswer, later);
    later(after, () => socket.on('data', (chunk: Buffer) => connection.receive(chunk)));
  }
}

function later(ticks: number, action: () => void): void {
  if (ticks === 0) action();
  else setTimeout(action, ticks * TICK);
}

async function closed(socket: Socket): Promise<void> {
  // `once` of node:events would reject, as the client may be gone before an answer is written.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

/** Whether it does, sooner or later. */
async function happens(event: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController();
  const never = delay(NEVER, false, { signal: waiting.signal }).catch(() => false);
  const result = await Promise.race([event.then(() => true), never]);
  waiting.abort();
  return result;
}
