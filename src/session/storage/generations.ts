import { hash } from 'node:crypto';

import { retryOnConflict } from './compare-and-set.js';
import { checksumSeal } from './seal.js';
import type { StoreKeys } from './keys.js';
import type { SessionPolicy } from '../policy.js';
import { isTime } from './record-format.js';
import type { SessionStore } from './store.js';
import { SessionOptionsError } from '../errors.js';

/** Kept under so many keys, so that several servers have it: one that is lost brings nobody back. */
const COPIES = 8;

/** Times that a copy is looked at, one after the other, before it may run out. */
const LOOKS = 4;

/**
 * The generation of an application's sessions. Store keys are made with it, so a new one ends all sessions
 * at once: nothing leads to their records any more, to their users' indexes, or to copies in a durable
 * store. Each process looks at one of the copies every so many seconds; requests have nothing to do with it.
 *
 * It only grows, whatever the store says: the time of its making, or one more than the last one.
 */
export class SessionGenerations {
  /** Told when it has changed: sessions of before have ended. */
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
    this.life = Math.max(2 * policy.timeout, LOOKS * COPIES * Number(policy.revokeEverybodyWithin));
  }

  /** Looks, and goes on looking. Never rejects: what cannot be read now is read later. */
  async start(): Promise<void> {
    const every = this.policy.revokeEverybodyWithin;
    if (every === false || this.timer) return;
    let seconds = 0;
    this.timer = setInterval(() => {
      seconds++;
      if (!this.isKnown) void this.lookAtAll();
      else if (seconds % every === 0) void this.look();
    }, 1000).unref();
    await this.lookAtAll();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /**
   * Begins a new one, here at once.
   *
   * @throws SessionOptionsError if other processes do not look
   * @throws SessionStoreError if no copy of it could be stored, as far as the answers tell
   */
  async begin(): Promise<void> {
    if (this.policy.revokeEverybodyWithin === false) {
      throw new SessionOptionsError(
        'revokeEverybodyWithin',
        'revokeEverybody() needs this option, or other processes would not learn of it; give a number of ' +
          'seconds, such as 10. To end all sessions without it, restart all processes with another keyPrefix',
      );
    }
    await this.lookAtAll();
    const next = Math.max(this.keys.generation + 1, Math.floor(this.policy.now()));
    const written = await Promise.allSettled(this.copies.map((key) => this.write(key, next)));
    const failures = written.filter((result) => result.status === 'rejected');
    if (failures.length === COPIES) throw failures[0]!.reason;
    this.adopt(next);
    this.policy.telemetry.emit('everybody-revoked', {});
  }

  /** Looks at one copy, at the next one if it cannot be read. */
  async look(): Promise<void> {
    for (let tries = 0; tries < COPIES; tries++) {
      const key = this.copies[this.next++ % COPIES]!;
      try {
        await this.lookAt(key);
        return;
      } catch {
        // Its server may be down, and another one up.
      }
    }
  }

  private async lookAtAll(): Promise<void> {
    const looks = await Promise.allSettled(this.copies.map((key) => this.lookAt(key)));
    this.isKnown ||= looks.some((look) => look.status === 'fulfilled');
  }

  private async lookAt(key: string): Promise<void> {
    const found = await this.read(key);
    this.adopt(found.generation);
    // Lost, or its server was down.
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
