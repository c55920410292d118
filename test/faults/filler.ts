import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { endsReply, replyReader } from '../support/memcached-protocol.js';

/** Bytes of a value; those of sessions lie between. */
const SMALL = Array.from({ length: 30 }, (_, n) => 40 + n * 20);
const LARGE = 100_000;
const BATCH = 200;

/** Another client of memcached, which fills its memory. */
export class Filler {
  private readonly keys: string[] = [];
  private readonly replies = replyReader();

  private constructor(private readonly socket: Socket) {}

  static async connect(port: number): Promise<Filler> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Filler(socket);
  }

  /** Stores so much that nothing else which is of no use meanwhile remains. */
  async evict(): Promise<void> {
    await this.store(LARGE, 100);
    for (const size of SMALL) await this.store(size, BATCH * 5);
  }

  /** Stores until there is no memory left, for values of any size. */
  async fill(): Promise<void> {
    for (const size of [LARGE, ...SMALL]) while (await this.store(size, BATCH));
  }

  /** Takes away what it stored. */
  async empty(): Promise<void> {
    while (this.keys.length > 0) {
      await this.send(this.keys.splice(0, BATCH).map((key) => `delete ${key}\r\n`));
    }
  }

  close(): void {
    this.socket.destroy();
  }

  /** Returns whether all of it was stored. */
  private async store(size: number, count: number): Promise<boolean> {
    const data = 'x'.repeat(size);
    const keys = Array.from({ length: count }, (_, n) => `filler:${this.keys.length + n}`);
    this.keys.push(...keys);
    const replies = await this.send(keys.map((key) => `set ${key} 0 0 ${size}\r\n${data}\r\n`));
    return replies.every((reply) => reply === 'STORED');
  }

  private async send(commands: string[]): Promise<string[]> {
    this.socket.write(commands.join(''));
    const replies: string[] = [];
    while (replies.length < commands.length) {
      const [chunk] = (await once(this.socket, 'data')) as [Buffer];
      for (const unit of this.replies.read(chunk)) if (endsReply(unit)) replies.push(unit.line);
    }
    return replies;
  }
}
