import { retryOnConflict } from '../storage/compare-and-set.js';
import { recordSeal, type RecordSeal } from '../storage/seal.js';
import { isStoreKey } from '../storage/keys.js';
import type { SessionPolicy } from '../policy.js';
import type { SessionStore } from '../storage/store.js';
import { longestLife } from '../lifetime.js';
import { KeyedMutex } from '../storage/keyed-mutex.js';
import {
  decodeIndex,
  encodeIndex,
  MAX_INDEXED,
  NO_SESSIONS,
  type UserIndex,
} from './index-format.js';

/** An index as read, and its version for compare-and-set. */
export interface FoundIndex {
  readonly index: UserIndex;
  readonly version: string;
}

const MAX_LONG_LIVES = 10_000;

/** Returns the new index; `undefined` or the same object: no change. Called again after a conflict. */
type Change = (index: UserIndex) => UserIndex | undefined | Promise<UserIndex | undefined>;

/**
 * Reads and changes users' indexes in the store, by compare-and-set. Within one process the changes of an
 * index run one after another, so only other processes cause conflicts.
 */
export class UserIndexes {
  private readonly seal: RecordSeal;
  private readonly mutex = new KeyedMutex();
  /** Seconds, of indexes that live longer than others, so that they are not made shorter first. */
  private readonly longLives = new Map<string, number>();

  constructor(
    private readonly store: SessionStore,
    private readonly policy: SessionPolicy,
  ) {
    this.seal = recordSeal(policy.secrets);
  }

  /** `touch`: extend its life to twice the idle timeout, so that it outlives each of its sessions. */
  async find(key: string, touch: boolean): Promise<FoundIndex | undefined> {
    const renewTo = this.longLives.get(key) ?? this.life;
    const found = await this.read(key, touch ? renewTo : 0);
    if (!found || !touch) return found;
    const life = this.lifeOf(found.index);
    this.rememberLife(key, life);
    // Sessions with their own lifetime need a longer renewal. In some stores a renewal is a write, so that
    // only the second read has the current version.
    return life > renewTo ? this.read(key, life) : found;
  }

  private async read(key: string, renewTo: number): Promise<FoundIndex | undefined> {
    const found = await this.store.find(key, renewTo);
    if (!found) return undefined;
    const text = this.seal.open(key, found.text);
    const decoded = text === undefined ? undefined : decodeIndex(text);
    const index = decoded && this.isOurs(decoded) ? decoded : undefined;
    if (!index) {
      this.policy.warn(
        "A user's stored index could not be read, so it names no session: the user has to sign in again.",
      );
    }
    return { index: index ?? NO_SESSIONS, version: found.version };
  }

  private rememberLife(key: string, life: number): void {
    this.longLives.delete(key);
    if (life <= this.life) return;
    this.longLives.set(key, life);
    const [oldest] = this.longLives.keys();
    if (this.longLives.size > MAX_LONG_LIVES) this.longLives.delete(oldest!);
  }

  /** Returns the index after the change. `known`: the index as just read, which saves a read. */
  change(key: string, change: Change, known?: FoundIndex): Promise<UserIndex> {
    return this.mutex.runExclusive(key, () => this.tryToChange(key, change, known));
  }

  /** Whether the index is small enough to be stored. */
  fits(key: string, index: UserIndex): boolean {
    if (index.sessions.length > MAX_INDEXED || index.ending.length > MAX_INDEXED) return false;
    return Buffer.byteLength(this.seal.close(key, encodeIndex(index))) <= this.policy.maxBytes;
  }

  /** Whether all keys are session keys of this application: the index may have been written by others. */
  private isOurs({ sessions, ending }: UserIndex): boolean {
    const { keyPrefix } = this.policy;
    const keys = sessions.flatMap(({ key, from = key, beside = [], to = [] }) => [
      ...[key, from],
      ...beside,
      ...to,
    ]);
    return [...keys, ...ending].every((key) => isStoreKey(keyPrefix, key));
  }

  private tryToChange(
    key: string,
    change: Change,
    known: FoundIndex | undefined,
  ): Promise<UserIndex> {
    let found = known;
    return retryOnConflict<UserIndex>(async () => {
      found ??= await this.find(key, true);
      const index = found?.index ?? NO_SESSIONS;
      const next = await change(index);
      if (!next || next === index) return index;
      if (await this.put(key, next, found?.version)) return next;
      found = undefined;
      return 'changed';
    });
  }

  /** `false`: another process changed the index first. */
  private async put(key: string, index: UserIndex, version: string | undefined): Promise<boolean> {
    const text = this.seal.close(key, encodeIndex(index));
    const result =
      version === undefined
        ? await this.store.create(key, text, this.lifeOf(index), { isSignedIn: true })
        : await this.store.update(key, text, version, this.lifeOf(index), { isSignedIn: true });
    return result === 'stored';
  }

  /** It outlives each of its sessions, however long they rest. */
  private lifeOf({ sessions }: UserIndex): number {
    const longest = longestLife(this.policy);
    const lives = sessions.map(({ life = 0 }) => 2 * Math.min(life, longest));
    return Math.max(this.life, ...lives);
  }

  private get life(): number {
    return this.policy.timeout * 2;
  }
}
