import type { Socket } from 'node:net';

import { DeadlineError, OverloadError } from '../deadline-error.js';
import { ReadyClock } from '../ready-clock.js';
import { Queue } from '../queue.js';
import { MalformedReplyError, ReplyParser, type Reply } from './reply-parser.js';

/** A command of the text protocol, and what is made of its reply. */
export interface Command<T> {
  /** With its data block and all line ends. */
  readonly text: string;
  /**
   * Makes a value of the reply, or throws: a `MalformedReplyError` ends the connection, any other error
   * concerns this command only.
   */
  readonly read: (reply: Reply) => T;
  /** Whether the command may reach the server twice. A read may; a write may not. */
  readonly isRepeatable?: boolean;
}

/** Makes the sockets of a connection. */
export interface Dialer {
  /** Answers with an open socket. Rejects with the reason why there is none, or once it is aborted. */
  dial(signal: AbortSignal): Promise<Socket>;
  /** An open socket proves that the server answers, as by TLS; by TCP its operating system does. */
  readonly isOpenedByServer: boolean;
  /** What each connection has to begin with, such as an authentication. If it fails, so does connecting. */
  readonly greeting?: Command<unknown> | undefined;
}

/** Learns how the server does. */
export interface ConnectionObserver {
  /** The server is known not to answer, so that commands fail at once when a connection is lost. */
  readonly isDown: boolean;
  /** The server has replied, whatever the reply says. */
  replied(): void;
  /** It has answered a command with an error. */
  refused(error: unknown): void;
  /**
   * A connection could not be made, was lost while it was in use, or was given up. Told once, however
   * many commands it concerned. `failed`: how many of these failed.
   */
  lost(error: Error, failed: number): void;
}

/** How many commands the server may have before it answers. All others wait in this process. */
const MAX_IN_FLIGHT = 512;

/** Characters of one write; a longer batch goes out in several turns. */
const MAX_WRITE = 1024 * 1024;

/** Bounds of what waits for the server, far above what a crowd makes wait. */
const MAX_COMMANDS = 100_000;
const MAX_CHARACTERS = 256 * 1024 * 1024;

/** A command that was asked for and has no reply yet. */
interface PendingCommand {
  readonly text: string;
  readonly read: (reply: Reply) => unknown;
  isRepeatable: boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  timesSent: number;
  /** Since when the server has owed the reply, by the connection's clock. */
  since: number;
}

/** Too much waits for the server already. The command was not sent. */
export class QueueFullError extends OverloadError {
  constructor() {
    super(
      'Too many commands wait for memcached, so this one was not sent. Give memcached more ' +
        'connections or servers.',
    );
  }
}

/**
 * One connection to memcached. Commands that are given within one turn of the event loop go out in one
 * write, and are answered in their order. The socket is opened for the first command, and anew for the
 * next one after it was lost.
 *
 * **Deadlines.** A command is late if the server owes its reply for `timeout` milliseconds. While other
 * replies come in, a command that still waits in this process is owed nothing; it is from when it was
 * sent. Only time counts in which this process was ready to read (see `ReadyClock`), and before a
 * command is called late the event loop reads what has arrived. After that the connection is given up,
 * as the reply might still come.
 *
 * **Losses.** When a connection is lost, commands that were never sent wait for the next one. A
 * repeatable command that was sent is sent once more, within its deadline. All others fail, since
 * nobody knows whether they took effect.
 */
export class Connection {
  private readonly sent = new Queue<PendingCommand>();
  private readonly waiting = new Queue<PendingCommand>();
  private readonly clock: ReadyClock;
  private socket: Socket | undefined;
  private state: 'closed' | 'connecting' | 'ready' = 'closed';
  private dialing: AbortController | undefined;
  private characters = 0;
  private repliedAt = -Infinity;
  private isFlushPlanned = false;
  private isClosing = false;

  constructor(
    private readonly dialer: Dialer,
    private readonly timeout: number,
    private readonly observer: ConnectionObserver,
  ) {
    this.clock = new ReadyClock(timeout, () => this.checkDeadlines());
  }

  /** Commands that have no reply yet. */
  get size(): number {
    return this.sent.length + this.waiting.length;
  }

  /**
   * Sends a command and answers what `read` makes of the reply. Rejects with what `read` throws, with a
   * `DeadlineError`, a `QueueFullError`, or the reason for which the connection was lost.
   */
  send<T>({ text, read, isRepeatable = false }: Command<T>): Promise<T> {
    if (this.size >= MAX_COMMANDS || this.characters + text.length > MAX_CHARACTERS) {
      return Promise.reject(new QueueFullError());
    }
    return new Promise<T>((resolve, reject) => {
      this.clock.start();
      const since = this.clock.now();
      this.characters += text.length;
      this.waiting.push({ text, read, isRepeatable, resolve, reject, timesSent: 0, since });
      this.planFlush();
    });
  }

  /** Closes the connection when nothing waits any more. Whoever asks later is still served. */
  close(): void {
    this.isClosing = true;
    this.closeIfIdle();
  }

  private planFlush(): void {
    if (this.isFlushPlanned) return;
    this.isFlushPlanned = true;
    setImmediate(this.flush);
  }

  private readonly flush = (): void => {
    this.isFlushPlanned = false;
    if (this.waiting.length === 0) return; // those it was planned for have failed
    if (this.state === 'closed') this.connect();
    if (this.state !== 'ready' || this.socket!.writableNeedDrain) return;
    let batch = '';
    while (this.sent.length < MAX_IN_FLIGHT && batch.length < MAX_WRITE) {
      const command = this.waiting.shift();
      if (!command) break;
      if (command.timesSent++ === 0) command.since = Math.max(command.since, this.repliedAt);
      this.sent.push(command);
      batch += command.text;
    }
    if (batch === '') return;
    this.socket!.write(batch);
    if (this.waiting.length > 0 && this.sent.length < MAX_IN_FLIGHT) this.planFlush();
  };

  private connect(): void {
    this.state = 'connecting';
    const dialing = new AbortController();
    this.dialing = dialing;
    this.dialer.dial(dialing.signal).then(
      (socket) => {
        if (dialing === this.dialing) this.use(socket);
        else socket.destroy();
      },
      (error: Error) => {
        if (dialing === this.dialing) this.lose(error);
      },
    );
  }

  private use(socket: Socket): void {
    this.socket = socket;
    const parser = new ReplyParser((reply) => this.take(reply));
    let reason = new Error('memcached closed the connection');
    socket.on('data', (chunk: Buffer) => {
      if (socket === this.socket) this.receive(socket, parser, chunk);
    });
    socket.on('drain', this.flush);
    socket.on('error', (error) => (reason = error));
    socket.on('close', () => {
      if (socket === this.socket) this.lose(reason);
    });
    if (this.dialer.isOpenedByServer) this.repliedAt = this.clock.now();
    const { greeting } = this.dialer;
    if (greeting) this.greet(socket, greeting);
    else this.becomeReady();
  }

  private greet(socket: Socket, { text, read }: Command<unknown>): void {
    this.characters += text.length;
    this.sent.push({
      ...{ text, read, isRepeatable: false, timesSent: 1, since: this.clock.now() },
      resolve: () => this.becomeReady(),
      reject: (error) => {
        if (socket === this.socket) this.lose(error as Error);
      },
    });
    socket.write(text);
  }

  private becomeReady(): void {
    this.state = 'ready';
    this.flush();
  }

  private receive(socket: Socket, parser: ReplyParser, chunk: Buffer): void {
    const { length } = this.sent;
    try {
      parser.read(chunk);
    } catch (error) {
      if (socket === this.socket) this.lose(error as Error);
      return;
    }
    if (this.sent.length < length) {
      this.repliedAt = this.clock.now();
      this.observer.replied();
    }
    if (this.waiting.length > 0) this.planFlush();
    else if (this.isClosing) this.closeIfIdle();
  }

  private take(reply: Reply): void {
    const command = this.sent.peek();
    if (!command) throw new MalformedReplyError('a reply that nobody asked for');
    let settle: () => void;
    try {
      const value = command.read(reply) as never;
      settle = () => command.resolve(value);
    } catch (error) {
      if (error instanceof MalformedReplyError) {
        command.isRepeatable = false; // it fails with the connection
        throw error;
      }
      settle = () => {
        command.reject(error);
        this.observer.refused(error);
      };
    }
    this.sent.shift();
    this.characters -= command.text.length;
    settle();
  }

  private checkDeadlines(): void {
    if (this.size === 0) return this.clock.stop();
    if (!this.hasLateCommand()) return;
    // Behind the poll for what has arrived.
    setImmediate(() => {
      if (this.hasLateCommand()) this.lose(new DeadlineError(this.timeout));
    });
  }

  private hasLateCommand(): boolean {
    return this.isLate(this.sent.peek()) || this.isLate(this.waiting.peek());
  }

  private isLate(command: PendingCommand | undefined): boolean {
    if (!command) return false;
    const { timesSent, since } = command;
    const owedSince = timesSent === 0 ? Math.max(since, this.repliedAt) : since;
    return this.clock.now() - owedSince >= this.timeout;
  }

  /** Gives up the socket, and decides for each command whether it is sent again. */
  private lose(error: Error): void {
    const isConnected = this.state === 'ready';
    const isUsed = this.size > 0;
    this.drop();
    // Either side may close a connection that nobody uses.
    if (!isUsed) return;
    const kept: PendingCommand[] = [];
    const failed: PendingCommand[] = [];
    const mayTryAgain = isConnected || error instanceof DeadlineError;
    for (const command of [...this.sent.takeAll(), ...this.waiting.takeAll()]) {
      const { timesSent, isRepeatable } = command;
      const maySend = timesSent === 0 || (isRepeatable && timesSent === 1);
      (mayTryAgain && maySend && !this.isLate(command) ? kept : failed).push(command);
    }
    this.observer.lost(error, failed.length);
    if (this.observer.isDown) failed.push(...kept.splice(0));
    for (const command of failed) {
      this.characters -= command.text.length;
      command.reject(error);
    }
    for (const command of kept) this.waiting.push(command);
    if (kept.length > 0) this.planFlush();
    else if (this.isClosing) this.closeIfIdle();
  }

  private closeIfIdle(): void {
    if (this.size > 0) return;
    this.clock.stop();
    this.drop();
  }

  private drop(): void {
    const { socket, dialing } = this;
    this.state = 'closed';
    this.socket = undefined;
    this.dialing = undefined;
    dialing?.abort();
    socket?.destroy();
  }
}
