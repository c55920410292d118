import type { MakeLink, RedisLink } from './client.js';
import { isReply, withoutArguments } from './reply.js';

interface OpenLink {
  readonly link: RedisLink;
  readonly isOpen: Promise<unknown>;
}

/** A link to a server that has become a replica is replaced at most once in this many milliseconds. */
const SEARCH_PAUSE = 1000;

/** Holds one link: opens it on first use, and replaces it after it was lost. */
export class RedisConnection {
  private current: OpenLink | undefined;
  private searchedAt = -Infinity;

  constructor(private readonly makeLink: MakeLink) {}

  async send(key: string | undefined, ...command: string[]): Promise<unknown> {
    const used = this.connected();
    await used.isOpen;
    try {
      return await used.link.send(key, command);
    } catch (error) {
      if (isReply(error, 'READONLY')) this.leaveReplica(used);
      throw withoutArguments(error);
    }
  }

  /** Closes the link, so that commands in flight fail. The next command opens a new link. */
  drop(): void {
    const lost = this.current;
    this.current = undefined;
    lost?.link.destroy();
  }

  /** The address may lead to another server by now, which is the primary. */
  private leaveReplica(used: OpenLink): void {
    const now = performance.now();
    if (used !== this.current || now - this.searchedAt < SEARCH_PAUSE) return;
    this.searchedAt = now;
    this.drop();
  }

  private connected(): OpenLink {
    if (this.current) return this.current;
    const forget = () => {
      if (this.current === made) this.current = undefined;
    };
    const link = this.makeLink(forget);
    const isOpen = link.open();
    const made = { link, isOpen };
    this.current = made;
    isOpen.catch(() => {
      forget();
      link.destroy();
    });
    return made;
  }
}
