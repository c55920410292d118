import { connect, type Socket } from 'node:net';

import type { Answer } from './visitor.js';

/** One for all sockets: what was read is taken from it at once. */
const BUFFER = Buffer.allocUnsafe(64 * 1024);

/** As `Visitor`, on a bare socket: cheap enough to have ten thousand of them in a process. */
export class RawVisitor {
  private readonly socket: Socket;
  private rest = '';
  private onAnswer: ((answer: Answer | undefined) => void) | undefined;
  isGone = false;

  private constructor(port: number, onOpen: (error?: Error) => void) {
    const onread = {
      buffer: BUFFER,
      callback: (length: number) => {
        this.read(BUFFER.toString('latin1', 0, length));
        return true;
      },
    };
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, onread }, onOpen);
    this.socket.on('error', onOpen);
    this.socket.on('close', () => {
      this.isGone = true;
      this.answer(undefined);
    });
  }

  static open(port: number): Promise<RawVisitor> {
    return new Promise((resolve, reject) => {
      // An error after it was opened changes nothing here; `close` follows.
      const visitor: RawVisitor = new RawVisitor(port, (error) =>
        error ? reject(error) : resolve(visitor),
      );
    });
  }

  /** `undefined` if the connection ends before. One at a time. */
  ask(path: string, cookie?: string): Promise<Answer | undefined> {
    if (this.isGone) return Promise.resolve(undefined);
    const line = cookie === undefined ? '' : `cookie: ${cookie}\r\n`;
    this.socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${line}\r\n`, 'latin1');
    return new Promise((resolve) => (this.onAnswer = resolve));
  }

  leave(): void {
    this.socket.destroy();
  }

  private read(text: string): void {
    this.rest += text;
    const answer = answerIn(this.rest);
    if (!answer) return;
    this.rest = '';
    this.answer(answer);
  }

  private answer(answer: Answer | undefined): void {
    const { onAnswer } = this;
    this.onAnswer = undefined;
    onAnswer?.(answer);
  }
}

/** A whole response with a length; `undefined` if there is more to come. */
function answerIn(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
  if (Number.isNaN(length)) throw new Error(`A response without a length: ${head}`);
  const body = text.slice(end + 4);
  if (body.length < length) return undefined;
  return {
    status: Number(text.slice(9, 12)),
    body,
    cookie: /\r\nset-cookie: *([^;\r]+)/i.exec(head)?.[1],
  };
}
