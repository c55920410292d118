import { SessionStoreError } from '../../session/session.errors.js';
import type { ServerHealth } from '../server-health.js';
import type { SessionCopies } from './session-copies.js';
import type { TieredRecord } from './tiered-record.js';

/** Copies that are asked for through the health of the one server behind them. */
export class WatchedCopies implements SessionCopies {
  constructor(
    private readonly copies: SessionCopies,
    private readonly health: ServerHealth,
  ) {}

  read(key: string): Promise<TieredRecord | undefined> {
    return this.run(() => this.copies.read(key));
  }

  write(key: string, record: TieredRecord): Promise<void> {
    return this.run(() => this.copies.write(key, record));
  }

  end(key: string): Promise<void> {
    return this.run(() => this.copies.end(key));
  }

  drop(key: string): Promise<void> {
    return this.run(() => this.copies.drop(key));
  }

  private async run<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await this.health.run(operation);
    } catch (error) {
      throw error instanceof SessionStoreError ? error : new SessionStoreError({ cause: error });
    }
  }
}
