import { createHash } from 'node:crypto';

import { MiniClient } from './mini-client.js';

interface Found<Entries> {
  readonly key: string;
  readonly entries: Entries;
  readonly version: string;
}

/** Sessions as JSON, under a hash of their id, and nothing more. */
export class MiniSessions<Entries> {
  private readonly client: MiniClient;

  constructor(server: string) {
    this.client = new MiniClient(server);
  }

  async find(cookie: string): Promise<Found<Entries>> {
    const key = keyOf(cookie.slice('SID='.length));
    const { text, version } = (await this.client.get(key))!;
    return { key, entries: JSON.parse(text) as Entries, version };
  }

  create(id: string, entries: Entries): Promise<void> {
    return this.client.set(keyOf(id), JSON.stringify(entries));
  }

  update({ key, entries, version }: Found<Entries>): Promise<void> {
    return this.client.set(key, JSON.stringify(entries), version);
  }
}

function keyOf(id: string): string {
  return `mini:${createHash('sha256').update(id).digest('base64url')}`;
}
