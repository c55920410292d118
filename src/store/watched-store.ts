import type { SessionStore, StoredText } from '../session/storage/store.js';
import { SessionStoreError } from '../session/errors.js';
import type { ServerHealth } from './server-health.js';
import { traced } from './store-tracing.js';

/** Wraps a store: counts failures of its server, and refuses calls while it is down. */
export class WatchedSessionStore implements SessionStore {
  constructor(
    private readonly store: SessionStore,
    private readonly health: ServerHealth,
  ) {}

  find(...args: Parameters<SessionStore['find']>): Promise<StoredText | undefined> {
    return this.run('find', () => this.store.find(...args));
  }

  create(...args: Parameters<SessionStore['create']>): ReturnType<SessionStore['create']> {
    return this.run('create', () => this.store.create(...args));
  }

  update(...args: Parameters<SessionStore['update']>): ReturnType<SessionStore['update']> {
    return this.run('update', () => this.store.update(...args));
  }

  remove(...args: Parameters<SessionStore['remove']>): ReturnType<SessionStore['remove']> {
    return this.run('remove', () => this.store.remove(...args));
  }

  private async run<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const { health } = this;
    try {
      return await traced(health.server, operation, () => health.run(work));
    } catch (error) {
      throw error instanceof SessionStoreError ? error : new SessionStoreError({ cause: error });
    }
  }
}
