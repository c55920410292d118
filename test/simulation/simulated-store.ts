import type { SessionStore, StoredText } from '../../src/session/storage/store.js';
import { SessionStoreError } from '../../src/session/errors.js';
import type { SimulatedServer } from './simulated-server.js';
import { Exchange } from './exchange.js';
import type { Names } from './names.js';
import type { Scheduler } from './scheduler.js';

/** One process's way to the server: each operation is a command and an answer, which can get lost. */
export class SimulatedStore implements SessionStore {
  constructor(
    private readonly server: SimulatedServer,
    private readonly scheduler: Scheduler,
    private readonly names: Names,
  ) {}

  find(key: string, renewTo?: number): Promise<StoredText | undefined> {
    return this.ask('find', key, () => this.server.find(key, renewTo));
  }

  create(key: string, text: string, lifeSeconds: number): Promise<'stored' | 'taken'> {
    return this.ask('create', key, () => this.server.create(key, text, lifeSeconds));
  }

  update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
  ): Promise<'stored' | 'changed' | 'gone'> {
    return this.ask('update', key, () => this.server.update(key, text, version, lifeSeconds));
  }

  remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    return this.ask('remove', key, () => this.server.remove(key, version));
  }

  private async ask<T>(verb: string, key: string, take: () => T): Promise<T> {
    const what = () => `${verb} ${this.names.of(key)}`;
    const isDown = () => this.server.isDown;
    try {
      return await new Exchange(this.scheduler, { what, take, isDown }).answer;
    } catch (error) {
      throw new SessionStoreError({ cause: error });
    }
  }
}
