import { RawVisitor } from './raw-visitor.js';
import type { Answer } from './visitor.js';

const WRITE_SHARE = 0.1;

/** A client of the crowd, which counts in a session of its own, over its own connection. */
export class BurstClient {
  private acknowledged = 0;
  private attempted = 0;

  private constructor(
    private readonly visitor: RawVisitor,
    private readonly mark: string,
    private readonly cookie: string,
    private readonly keepsSessions: boolean,
  ) {}

  static async join(port: number, mark: string, keepsSessions: boolean): Promise<BurstClient> {
    const visitor = await RawVisitor.open(port);
    const answer = await visitor.ask(`/join?mark=${mark}`);
    if (answer?.cookie) return new BurstClient(visitor, mark, answer.cookie, keepsSessions);
    throw new Error(`${mark} got no session: ${answer?.status} ${answer?.body}`);
  }

  get isGone(): boolean {
    return this.visitor.isGone;
  }

  /** Looks at his session or, now and then, counts in it. */
  ask(): Promise<{ answer: Answer | undefined; isRight: boolean }> {
    return Math.random() < WRITE_SHARE ? this.count() : this.look();
  }

  async look(): Promise<{ answer: Answer | undefined; isRight: boolean }> {
    const answer = await this.visitor.ask('/look', this.cookie);
    return { answer, isRight: this.isRight(answer) };
  }

  leave(): void {
    this.visitor.leave();
  }

  private async count(): Promise<{ answer: Answer | undefined; isRight: boolean }> {
    this.attempted++;
    const answer = await this.visitor.ask('/count', this.cookie);
    const isRight = this.isRight(answer);
    if (answer?.status === 200) this.acknowledged++;
    return { answer, isRight };
  }

  /** A write whose answer was an error may or may not be there; one that was acknowledged has to be. */
  private isRight(answer: Answer | undefined): boolean {
    if (!this.keepsSessions || answer?.status !== 200) return true;
    const { mark, count } = JSON.parse(answer.body) as { mark?: string; count?: number };
    if (mark !== this.mark) return false;
    return count === undefined || (count >= this.acknowledged && count <= this.attempted);
  }
}
