import { setTimeout as delay } from 'node:timers/promises';

import type { MakeLink, RedisLink } from './client.js';

/** Milliseconds between a lost connection and the next attempt to subscribe. */
const PAUSE = 1000;

/** Subscribes to removals of other processes, over a separate connection, while there are watchers. */
export class RemovalWatch {
  private readonly watchers = new Set<(key: string) => void>();
  private link: RedisLink | undefined;
  private isListening = false;

  constructor(
    private readonly makeLink: MakeLink,
    private readonly channel: string,
    /** The id of this process. All ids have one length. Messages that begin with this id are ignored. */
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

  private notify(key: string): void {
    for (const watcher of [...this.watchers]) watcher(key);
  }

  /** Removals during a lost connection are missed; the sweep detects them later. */
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
        if (!message.startsWith(this.id)) this.notify(message.slice(this.id.length));
      });
      await ended;
    } finally {
      link.destroy();
    }
  }
}
