import { SessionStoreError } from '../../session/errors.js';
import type { ServerHealth } from '../server-health.js';
import type { SessionCopies } from './copies.js';
import type { TieredRecord } from './record.js';
import { traced } from '../store-tracing.js';

/** Wraps copies: counts failures of their server, and refuses calls while it is down. */
export class WatchedCopies implements SessionCopies {
  constructor(
    private readonly copies: SessionCopies,
    private readonly health: ServerHealth,
  ) {}

  read(key: string): Promise<TieredRecord | undefined> {
    return this.run('read', () => this.copies.read(key));
  }

  write(...args: Parameters<SessionCopies['write']>): Promise<void> {
    return this.run('write', () => this.copies.write(...args));
  }

  end(...args: Parameters<SessionCopies['end']>): Promise<void> {
    return this.run('end', () => this.copies.end(...args));
  }

  drop(key: string): Promise<void> {
    return this.run('drop', () => this.copies.drop(key));
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
