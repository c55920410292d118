import { setTimeout as delay } from 'node:timers/promises';

import type { MakeLink, RedisLink } from './client.js';

/** Milliseconds until the next try to listen, after the connection was lost. */
const PAUSE = 1000;

/** Listens to what other processes remove, over a connection of its own, as long as somebody watches. */
export class RemovalWatch {
  private readonly watchers = new Set<(key: string) => void>();
  private link: RedisLink | undefined;
  private isListening = false;

  constructor(
    private readonly makeLink: MakeLink,
    private readonly channel: string,
    /** Of this process, as long as those of others: what begins with it is known already. */
    private readonly id: string,
  ) {}

  watch(onRemoved: (key: string) => void): () => void {
    const watcher = (key: string) => onRemoved(key);
    this.watchers.add(watcher);
    if (!this.isListening) void this.listen();
    return () => {
      this.watchers.delete(watcher);
      if (this.watchers.size === 0) this.close();
    };
  }

  close(): void {
    this.watchers.clear();
    this.link?.destroy();
  }

  private tell(key: string): void {
    for (const watcher of [...this.watchers]) watcher(key);
  }

  /** What is removed meanwhile is found out later, by the sweep. */
  private async listen(): Promise<void> {
    this.isListening = true;
    while (this.watchers.size > 0) {
      await this.listenOnce().catch(() => undefined);
      if (this.watchers.size > 0) await delay(PAUSE, undefined, { ref: false });
    }
    this.isListening = false;
  }

  private async listenOnce(): Promise<void> {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const link = this.makeLink(() => end());
    this.link = link;
    try {
      await link.open();
      await link.subscribe(this.channel, (message) => {
        if (!message.startsWith(this.id)) this.tell(message.slice(this.id.length));
      });
      await ended;
    } finally {
      link.destroy();
    }
  }
}
