import { connect } from 'node:net';

export interface MiniRecord {
  readonly text: string;
  readonly version: string;
}

type Reply = MiniRecord | undefined;

const LIFE_SECONDS = 86_400;

/**
 * The least client that memcached can have: one write to the socket a turn, and replies in the order of
 * the commands. No deadline, no reconnection, and nothing is checked.
 */
export class MiniClient {
  private readonly socket;
  private readonly waiting: ((reply: Reply) => void)[] = [];
  private answered = 0;
  private batch = '';
  private rest: Buffer | undefined;

  constructor(server: string) {
    const [host, port] = server.split(':') as [string, string];
    this.socket = connect(Number(port), host).setNoDelay(true);
    this.socket.on('data', (chunk: Buffer) => this.read(chunk));
  }

  get(key: string): Promise<Reply> {
    return this.send(`gats ${LIFE_SECONDS} ${key}\r\n`);
  }

  async set(key: string, text: string, version?: string): Promise<void> {
    const [command, last] = version === undefined ? ['set', ''] : ['cas', ` ${version}`];
    const length = Buffer.byteLength(text);
    await this.send(`${command} ${key} 0 ${LIFE_SECONDS} ${length}${last}\r\n${text}\r\n`);
  }

  close(): void {
    this.socket.destroy();
  }

  private send(command: string): Promise<Reply> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      if (this.batch === '') setImmediate(() => this.flush());
      this.batch += command;
    });
  }

  private flush(): void {
    this.socket.write(this.batch);
    this.batch = '';
  }

  private read(chunk: Buffer): void {
    const bytes = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
    let at = 0;
    for (let end; (end = bytes.indexOf('\r\n', at)) >= 0;) {
      const line = bytes.toString('latin1', at, end);
      if (!line.startsWith('VALUE')) {
        at = end + 2;
        this.answer(undefined);
        continue;
      }
      const [, , , length, version] = line.split(' ') as [string, string, string, string, string];
      const from = end + 2;
      const to = from + Number(length);
      const next = to + '\r\nEND\r\n'.length;
      if (bytes.length < next) break;
      at = next;
      this.answer({ text: bytes.toString('utf8', from, to), version });
    }
    this.rest = at < bytes.length ? bytes.subarray(at) : undefined;
  }

  private answer(reply: Reply): void {
    this.waiting[this.answered++]!(reply);
    if (this.answered < 1_000) return;
    this.waiting.splice(0, this.answered);
    this.answered = 0;
  }
}
