import { SessionStoreError } from '../../src/session/errors.js';
import type { SessionCopies } from '../../src/store/tier/copies.js';
import type { TieredRecord } from '../../src/store/tier/record.js';
import { Gate } from './gate.js';

type Operation = keyof SessionCopies;

/** A durable tier in memory whose operations can be counted, held up and made to fail. */
export class FakeCopies implements SessionCopies {
  readonly calls: Operation[] = [];
  isDown = false;
  readonly live = new Map<string, TieredRecord>();
  readonly moved = new Map<string, TieredRecord>();
  readonly ended = new Set<string>();
  /** Until when what ended a session was to outlive its copies. */
  readonly outlives = new Map<string, number>();
  private readonly gates: { operation: Operation; at: 'before' | 'after'; gate: Gate }[] = [];

  async read(key: string): Promise<TieredRecord | undefined> {
    return this.run('read', () => {
      if (this.ended.has(key)) return undefined;
      const [moved, copy] = [this.moved.get(key), this.live.get(key)];
      return moved && copy && copy.revision > moved.revision ? copy : (moved ?? copy);
    });
  }

  write(key: string, record: TieredRecord, outlives = 0): Promise<void> {
    return this.run('write', () => {
      if (record.isFinal) this.outlives.set(key, outlives);
      (record.isFinal ? this.moved : this.live).set(key, record);
    });
  }

  end(key: string, outlives = 0): Promise<void> {
    return this.run('end', () => {
      this.ended.add(key);
      this.outlives.set(key, outlives);
    });
  }

  drop(key: string): Promise<void> {
    return this.run('drop', () => void this.live.delete(key));
  }

  count(operation: Operation): number {
    return this.calls.filter((call) => call === operation).length;
  }

  /** Stops the next such operation, before or after it reads or writes, until it is released. */
  hold(operation: Operation, at: 'before' | 'after' = 'before'): Gate {
    const gate = new Gate();
    this.gates.push({ operation, at, gate });
    return gate;
  }

  private async run<T>(operation: Operation, work: () => T): Promise<T> {
    this.calls.push(operation);
    const index = this.gates.findIndex((held) => held.operation === operation);
    const [held] = index < 0 ? [] : this.gates.splice(index, 1);
    await Promise.resolve();
    if (held?.at === 'before') await held.gate.pass();
    if (this.isDown) throw new SessionStoreError({ cause: new Error('down') });
    const result = work();
    if (held?.at === 'after') await held.gate.pass();
    return result;
  }
}
