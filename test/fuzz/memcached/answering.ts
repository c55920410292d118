import { commandReader, type ProtocolUnit } from '../../support/memcached-protocol.js';
import { Choices } from '../choices.js';
import { garble } from './streams.js';
import type { ModelMemcached } from './model-memcached.js';

/** How one command is answered. Replies keep the order of the commands. */
export type OrderlyAnswer =
  | 'right'
  | 'a few bytes at a time'
  | 'byte by byte'
  | 'an error'
  | 'malformed'
  | 'endless'
  | 'never, and nothing after it'
  | 'never, though it is done'
  | 'closed before it is done'
  | 'closed after it is done'
  | 'closed amid the reply'
  | 'reset amid the reply';

/** Answers by which the client takes the reply to one command for that to another. */
export type DisorderlyAnswer = 'twice' | 'after the next one' | 'garbled' | 'and something else';

export interface Answer {
  /** How many ticks the server takes before. */
  readonly after: number;
  readonly how: OrderlyAnswer | DisorderlyAnswer;
  /** What else is to be decided. */
  readonly details: Uint8Array;
}

/** The server's end of a connection. */
export interface ServerEnd {
  readonly isClosed: boolean;
  send(bytes: Buffer): void;
  close(): void;
  reset(): void;
}

export type After = (ticks: number, action: () => void) => void;

/** What is no reply to any command of a program. */
const MALFORMED = [
  ...['ERROR\r\n', '\r\n', '\n', 'STORED\n', 'VALUE\r\n', 'VALUE a 0 1\r\n', 'OK\r\nOK\r\n'],
  ...['HTTP/1.1 400 Bad Request\r\n\r\n', 'x'.repeat(3000), 'VALUE a 0 1\r\nabc\r\nEND\r\n'],
  ...['VALUE other 0 1 1\r\na\r\nEND\r\n', 'STAT a b\r\nSTORED\r\n', 'VALUE a 0 -1 1\r\n'],
  ...['VA\r\n', 'VA 1 c1\r\na\r\n', 'VA 1 kother c1\r\na\r\n', 'VA 1 ka cx\r\na\r\n', 'HD\r\n'],
];
const ENDLESS = ['VA 1000000 ka c1\r\n', 'VALUE a 0 1000000 1\r\n', 'STAT a b\r\n', ''];
const UNASKED = [
  'STORED\r\n',
  'END\r\n',
  'EN\r\n',
  'EXISTS\r\n',
  'NOT_FOUND\r\n',
  'NOT_STORED\r\n',
];

/** One connection of the server: it answers one command after the other, each in its way. */
export class AnsweringConnection {
  private readonly reader = commandReader();
  private readonly commands: ProtocolUnit[] = [];
  private isBusy = false;
  private heldBack: Buffer | undefined;

  constructor(
    private readonly memcached: ModelMemcached,
    private readonly end: ServerEnd,
    private readonly nextAnswer: () => Answer,
    private readonly after: After,
  ) {}

  receive(chunk: Buffer): void {
    this.commands.push(...this.reader.read(chunk));
    this.goOn();
  }

  private goOn(): void {
    while (!this.isBusy && !this.end.isClosed) {
      const command = this.commands.shift();
      if (!command) return;
      const answer = this.nextAnswer();
      this.isBusy = true;
      this.later(answer.after, () => this.answer(command, answer));
    }
  }

  private later(ticks: number, action: () => void): void {
    this.after(ticks, () => {
      if (!this.end.isClosed) action();
    });
  }

  private done(): void {
    this.isBusy = false;
    this.goOn();
  }

  private answer(command: ProtocolUnit, { how, details }: Answer): void {
    const choices = new Choices(details);
    switch (how) {
      case 'a few bytes at a time':
        return this.drip(this.memcached.execute(command), 1 + choices.below(64));
      case 'byte by byte':
        return this.drip(this.memcached.execute(command), 1);
      case 'malformed':
        return this.send(Buffer.from(choices.of(MALFORMED)));
      case 'endless':
        return this.sendWithoutEnd(Buffer.from(choices.of(ENDLESS)));
      case 'never, and nothing after it':
        return;
      case 'never, though it is done':
        return void this.memcached.execute(command);
      case 'closed before it is done':
        return this.end.close();
      case 'an error':
        return this.send(this.memcached.refuse(command));
      case 'twice': {
        const reply = this.memcached.execute(command);
        return this.send(Buffer.concat([reply, reply]));
      }
      case 'after the next one':
        return this.holdBack(this.memcached.execute(command));
      case 'garbled':
        return this.send(garble(this.memcached.execute(command), choices));
      case 'and something else':
        return this.send(
          Buffer.concat([this.memcached.execute(command), Buffer.from(choices.of(UNASKED))]),
        );
      case 'right':
        return this.send(this.memcached.execute(command));
      default:
        return this.breakOff(this.memcached.execute(command), how, choices);
    }
  }

  private send(bytes: Buffer): void {
    this.end.send(bytes);
    if (this.heldBack) this.end.send(this.heldBack);
    this.heldBack = undefined;
    this.done();
  }

  private holdBack(reply: Buffer): void {
    this.heldBack = this.heldBack ? Buffer.concat([reply, this.heldBack]) : reply;
    this.done();
  }

  private breakOff(reply: Buffer, how: OrderlyAnswer, choices: Choices): void {
    if (how !== 'closed after it is done') {
      this.end.send(reply.subarray(0, choices.below(reply.length)));
    }
    if (how === 'reset amid the reply') this.end.reset();
    else this.end.close();
  }

  /** So many bytes in each tick. */
  private drip(bytes: Buffer, size: number): void {
    this.end.send(bytes.subarray(0, size));
    const rest = bytes.subarray(size);
    if (rest.length === 0) this.done();
    else this.later(1, () => this.drip(rest, size));
  }

  private sendWithoutEnd(beginning: Buffer): void {
    this.end.send(beginning);
    this.later(1, () => this.sendWithoutEnd(beginning.length > 0 ? beginning : Buffer.from('x')));
  }
}
