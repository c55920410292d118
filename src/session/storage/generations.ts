import { hash } from 'node:crypto';

import { retryOnConflict } from './compare-and-set.js';
import { checksumSeal } from './seal.js';
import type { StoreKeys } from './keys.js';
import { longestLife } from '../lifetime.js';
import type { SessionPolicy } from '../policy.js';
import { isTime } from './record-format.js';
import type { SessionStore } from './store.js';
import { SessionOptionsError } from '../errors.js';

/**
 * The number of keys that hold the generation, so that several servers have it: losing one revives no
 * session.
 */
const COPIES = 8;

/** How often each copy is read before it may expire. */
const READS = 4;

/**
 * The generation of an application's sessions: a number that is part of every store key. A new generation
 * ends all sessions at once, as no id leads to the old records, users' indexes or copies in a durable store
 * any more. Each process reads one of the copies every `revokeEverybodyWithin` seconds, outside of requests.
 *
 * The number only grows: it is the time in milliseconds, or at least one more than the last.
 */
export class SessionGenerations {
  /** Called when the generation has changed: older sessions have ended. */
  onChange: () => void = () => undefined;
  private readonly copies: readonly string[];
  private readonly life: number;
  private timer: NodeJS.Timeout | undefined;
  private isKnown = false;
  private next = 0;

  constructor(
    private readonly store: SessionStore,
    private readonly keys: StoreKeys,
    private readonly policy: SessionPolicy,
  ) {
    this.copies = Array.from(
      { length: COPIES },
      (_, n) => policy.keyPrefix + hash('sha256', `generation ${n}`, 'base64url'),
    );
    this.life = Math.max(
      2 * longestLife(policy),
      READS * COPIES * Number(policy.revokeEverybodyWithin),
    );
  }

  /** Reads the generation now and regularly from then on. Never rejects: a failed read is repeated later. */
  async start(): Promise<void> {
    const every = this.policy.revokeEverybodyWithin;
    if (every === false || this.timer) return;
    let seconds = 0;
    this.timer = setInterval(() => {
      seconds++;
      if (!this.isKnown) void this.checkAll();
      else if (seconds % every === 0) void this.check();
    }, 1000).unref();
    await this.checkAll();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /**
   * Begins a new generation, in this process at once.
   *
   * @throws SessionOptionsError without `revokeEverybodyWithin`, as other processes then do not read it
   * @throws SessionStoreError if no copy of it could be stored, or all answers were lost
   */
  async begin(): Promise<void> {
    if (this.policy.revokeEverybodyWithin === false) {
      throw new SessionOptionsError(
        'revokeEverybodyWithin',
        'revokeEverybody() needs this option, or other processes would not learn of it; give a number of ' +
          'seconds, such as 10. To end all sessions without it, restart all processes with another keyPrefix',
      );
    }
    await this.checkAll();
    const next = Math.max(this.keys.generation + 1, Math.floor(this.policy.now()));
    const written = await Promise.allSettled(this.copies.map((key) => this.write(key, next)));
    const failures = written.filter((result) => result.status === 'rejected');
    if (failures.length === COPIES) throw failures[0]!.reason;
    this.adopt(next);
    this.policy.telemetry.emit('everybody-revoked', {});
  }

  /** Reads one copy, or the next one if that fails. */
  async check(): Promise<void> {
    for (let tries = 0; tries < COPIES; tries++) {
      const key = this.copies[this.next++ % COPIES]!;
      try {
        await this.checkCopy(key);
        return;
      } catch {
        // Another server may hold the next copy.
      }
    }
  }

  private async checkAll(): Promise<void> {
    const checks = await Promise.allSettled(this.copies.map((key) => this.checkCopy(key)));
    this.isKnown ||= checks.some((check) => check.status === 'fulfilled');
  }

  private async checkCopy(key: string): Promise<void> {
    const found = await this.read(key);
    this.adopt(found.generation);
    // The copy was lost, or its server was down when the generation began.
    if (found.generation < this.keys.generation) await this.write(key, this.keys.generation);
  }

  private adopt(generation: number): void {
    if (generation <= this.keys.generation) return;
    this.keys.generation = generation;
    this.onChange();
  }

  private async write(key: string, generation: number): Promise<void> {
    const text = checksumSeal.close(key, JSON.stringify([generation]));
    await retryOnConflict<void>(async () => {
      const found = await this.read(key);
      if (found.generation >= generation) return;
      const result =
        found.version === undefined
          ? await this.store.create(key, text, this.life, { isSignedIn: true })
          : await this.store.update(key, text, found.version, this.life, { isSignedIn: true });
      if (result !== 'stored') return 'changed';
    });
  }

  private async read(key: string): Promise<{ generation: number; version?: string }> {
    const found = await this.store.find(key, this.life);
    if (!found) return { generation: 0 };
    const text = checksumSeal.open(key, found.text);
    return { generation: text === undefined ? 0 : generationIn(text), version: found.version };
  }
}

function generationIn(text: string): number {
  const [, digits] = /^\[(\d{1,16})\]$/.exec(text) ?? [];
  const generation = Number(digits ?? 0);
  return isTime(generation) ? generation : 0;
}
