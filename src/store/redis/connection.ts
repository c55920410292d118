import type { MakeLink, RedisLink } from './client.js';

/** Holds one link: opens it on first use, and replaces it after it was lost. */
export class RedisConnection {
  private current: { readonly link: RedisLink; readonly isOpen: Promise<unknown> } | undefined;

  constructor(private readonly makeLink: MakeLink) {}

  async send(key: string | undefined, ...command: string[]): Promise<unknown> {
    const { link, isOpen } = this.connected();
    await isOpen;
    return link.send(key, command);
  }

  /** Closes the link, so that commands in flight fail. The next command opens a new link. */
  drop(): void {
    const lost = this.current;
    this.current = undefined;
    lost?.link.destroy();
  }

  private connected(): { readonly link: RedisLink; readonly isOpen: Promise<unknown> } {
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
