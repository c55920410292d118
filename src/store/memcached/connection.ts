import type { Socket } from 'node:net';

import { DeadlineError, OverloadError } from '../deadline-error.js';
import { ReadyClock } from '../ready-clock.js';
import { Queue } from '../queue.js';
import { MalformedReplyError, ReplyParser, type Reply } from './reply-parser.js';

/** A command of the text protocol, and how its reply is read. */
export interface Command<T> {
  /** The command, with its data block and all line ends. */
  readonly text: string;
  /**
   * Converts the reply to a value, or throws: a `MalformedReplyError` closes the connection, any other error
   * fails only this command.
   */
  readonly read: (reply: Reply) => T;
  /** Whether the command may reach the server twice. A read may; a write may not. */
  readonly isRepeatable?: boolean;
}

/** Makes the sockets of a connection. */
export interface Dialer {
  /** Resolves with an open socket. Rejects if connecting fails, or when `signal` is aborted. */
  dial(signal: AbortSignal): Promise<Socket>;
  /**
   * Whether an open socket proves that the server answers. True for TLS; a TCP connection is accepted by
   * the operating system.
   */
  readonly isOpenedByServer: boolean;
  /** The first command of each connection, such as an authentication. If it fails, connecting fails. */
  readonly greeting?: Command<unknown> | undefined;
}

/** Learns whether the server answers. */
export interface ConnectionObserver {
  /** The server is known not to answer: when a connection is lost, commands fail and are not repeated. */
  readonly isDown: boolean;
  /** The server sent a reply, positive or negative. */
  replied(): void;
  /** The server answered a command with an error. */
  refused(error: unknown): void;
  /**
   * A connection could not be opened, was lost while it was in use, or was closed after a timeout. Called
   * once per connection. `failed`: how many commands failed.
   */
  lost(error: Error, failed: number): void;
}

/** How many commands may be sent before their replies arrive. Others wait in this process. */
const MAX_IN_FLIGHT = 512;

/** Characters of one write. A longer batch is sent in several. */
const MAX_WRITE = 1024 * 1024;

/** Limits of the commands that wait for the server, far above what a busy application needs. */
const MAX_COMMANDS = 100_000;
const MAX_CHARACTERS = 256 * 1024 * 1024;

/** A command without a reply. */
interface PendingCommand {
  readonly text: string;
  readonly read: (reply: Reply) => unknown;
  isRepeatable: boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  timesSent: number;
  /** When its deadline began, by the connection's clock. */
  since: number;
}

/** Too many commands wait for the server. The command was not sent. */
export class QueueFullError extends OverloadError {
  constructor() {
    super(
      'Too many commands wait for memcached, so this one was not sent. Give memcached more ' +
        'connections or servers.',
    );
  }
}

/**
 * One connection to memcached. Commands that are given within one turn of the event loop are sent in one
 * write, and answered in their order. The first command opens the socket; after a loss, the next command
 * opens a new one.
 *
 * **Deadlines.** A command is late if its reply is missing for `timeout` milliseconds. A command that still
 * waits in this process is not late while replies to others arrive; its time begins when it is sent. Only
 * time in which this process was ready to read counts (see `ReadyClock`), and the event loop reads all
 * arrived bytes before a command counts as late. The connection is then closed, as the reply could still
 * arrive.
 *
 * **Losses.** When a connection is lost, commands that were never sent wait for the next connection. A
 * repeatable command that was sent is sent once more, within its deadline. All others fail, because it is
 * unknown whether they took effect.
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
   * Sends a command and resolves with the result of `read`. Rejects with an error of `read`, a
   * `DeadlineError`, a `QueueFullError`, or the error that closed the connection.
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

  /** Closes the connection as soon as no command waits. Later commands open it again. */
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
    if (this.waiting.length === 0) return; // the commands have failed since
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
    let value: unknown;
    try {
      value = command.read(reply);
    } catch (error) {
      if (error instanceof MalformedReplyError) {
        command.isRepeatable = false; // it fails with the connection
        throw error;
      }
      this.takeFirst();
      command.reject(error);
      this.observer.refused(error);
      return;
    }
    this.takeFirst();
    command.resolve(value as never);
  }

  private takeFirst(): void {
    this.characters -= this.sent.shift()!.text.length;
  }

  private checkDeadlines(): void {
    if (this.size === 0) return this.clock.stop();
    if (!this.hasLateCommand()) return;
    // Runs after the event loop has read what has arrived.
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

  /** Drops the socket, and decides for each command whether it is sent again. */
  private lose(error: Error): void {
    const isConnected = this.state === 'ready';
    const isUsed = this.size > 0;
    this.drop();
    // Closing an idle connection is not a failure.
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
