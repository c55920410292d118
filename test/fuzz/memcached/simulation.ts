import type { Socket } from 'node:net';

import type { Command, Dialer } from '../../../src/store/memcached/connection.js';
import { AnsweringConnection } from './answering.js';
import { ConnectionRun, greetingOf, type Ending } from './connection-run.js';
import { FakeSocket } from './fake-socket.js';
import type { Dial, Program } from './program.js';
import { TICK, VirtualTime } from './virtual-time.js';

/** Ticks of a deadline. */
const DEADLINE = 20;

/** By which an operation ends, as deadlines are measured by ticks. */
const LIMIT = DEADLINE + 3;

/** So many commands a server has before it answers. */
const MOST_IN_FLIGHT = 512;

const AT_ONCE: Dial = { how: 'opened', after: 0 };

/** A program's connections to one server, without a network and in a time of their own. */
export class Simulation implements Dialer {
  readonly isOpenedByServer: boolean;
  readonly greeting: Command<unknown> | undefined;
  readonly run: ConnectionRun;
  private readonly sockets: FakeSocket[] = [];
  private readonly time = new VirtualTime();
  private readonly dials: Dial[];

  constructor(private readonly program: Program) {
    this.isOpenedByServer = program.isOpenedByServer;
    this.greeting = greetingOf(program);
    this.dials = [...program.dials];
    this.run = new ConnectionRun(program, DEADLINE * TICK, this, () => this.time.ticks);
  }

  dial(signal: AbortSignal): Promise<Socket> {
    const { how, after } = this.dials.shift() ?? AT_ONCE;
    return new Promise((resolve, reject) => {
      if (how !== 'late') signal.addEventListener('abort', () => reject(new Error('aborted')));
      if (how === 'never') return;
      this.time.after(after, () => {
        if (how === 'refused') reject(new Error('ECONNREFUSED'));
        else if (how === 'late' || !signal.aborted) resolve(this.open());
      });
    });
  }

  /** Until everything has ended, or should have long ago. */
  async play(): Promise<void> {
    const { run, time } = this;
    time.begin();
    for (const { wait, operations, closes } of this.program.steps) {
      await time.pass(wait);
      for (const operation of operations) void run.begin(operation);
      if (closes) run.connection.close();
      await time.turn();
    }
    const most = LIMIT * (run.operations.length + 1);
    for (let tick = 0; tick < most && !run.areAllEnded; tick++) await time.pass(1);
    run.connection.close();
    await time.pass(LIMIT);
    VirtualTime.end();
  }

  /** What is left at the end, or came too late. */
  get leftovers(): string[] {
    const { run, sockets, time } = this;
    const characters = Reflect.get(run.connection, 'characters') as number;
    return [
      ...run.operations.flatMap((_operation, index) => this.delayOf(index)),
      ...(run.connection.size === 0 ? [] : [`${run.connection.size} commands are left`]),
      ...(characters === 0 ? [] : [`${characters} characters are left`]),
      ...(time.isTiming ? ['the clock runs'] : []),
      ...(sockets.every(({ destroyed }) => destroyed) ? [] : ['a socket is open']),
    ];
  }

  private delayOf(index: number): string[] {
    const ending = this.run.endings.get(index);
    if (!ending) return [`operation ${index} has not ended`];
    const wait = this.longestWaitOf(ending);
    return wait <= LIMIT ? [] : [`operation ${index} took ${wait} ticks`];
  }

  /** Ticks without a sign of life, or in all where no such sign may prolong it. */
  private longestWaitOf({ begunAt, endedAt }: Ending): number {
    const { run, program } = this;
    const isPlain = !program.isOpenedByServer && program.readsAfter === 0;
    if (isPlain && run.operations.length < MOST_IN_FLIGHT) return endedAt - begunAt;
    const signs = run.told.signsOfLife.filter((at) => at > begunAt && at < endedAt);
    const times = [begunAt, ...signs, endedAt];
    return Math.max(...times.slice(1).map((at, index) => at - times[index]!));
  }

  private open(): Socket {
    const socket = new FakeSocket(this.time.after, this.program.readsAfter);
    this.sockets.push(socket);
    if (this.isOpenedByServer) this.run.told.signsOfLife.push(this.time.ticks);
    const { memcached, nextAnswer } = this.run;
    const server = new AnsweringConnection(memcached, socket, nextAnswer, this.time.after);
    socket.onBytes = (bytes) => server.receive(bytes);
    return socket as unknown as Socket;
  }
}
