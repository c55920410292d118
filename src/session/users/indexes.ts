import { retryOnConflict } from '../storage/compare-and-set.js';
import { recordSeal, type RecordSeal } from '../storage/seal.js';
import { isStoreKey } from '../storage/keys.js';
import type { SessionPolicy } from '../policy.js';
import type { SessionStore } from '../storage/store.js';
import { KeyedMutex } from '../storage/keyed-mutex.js';
import {
  decodeIndex,
  encodeIndex,
  MAX_INDEXED,
  NO_SESSIONS,
  type UserIndex,
} from './index-format.js';

/** An index as found, and the version to change it by. */
export interface FoundIndex {
  readonly index: UserIndex;
  readonly version: string;
}

/** The index it is to become; `undefined` or the same: it stays. Asked again for a newer one. */
type Change = (index: UserIndex) => UserIndex | undefined | Promise<UserIndex | undefined>;

/**
 * The users' indexes in and out of the store, changed by compare-and-set. In one process the changes
 * of an index follow each other, so that retries come only from other processes.
 */
export class UserIndexes {
  private readonly seal: RecordSeal;
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly store: SessionStore,
    private readonly policy: SessionPolicy,
  ) {
    this.seal = recordSeal(policy.secrets);
  }

  /** `renews`: its sessions are in use. It then outlives each of them, however long they rest. */
  async find(key: string, renews: boolean): Promise<FoundIndex | undefined> {
    const found = await this.store.find(key, renews ? this.life : 0);
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

  /** Answers the index as it is then. `known`: as it was a moment ago. */
  change(key: string, change: Change, known?: FoundIndex): Promise<UserIndex> {
    return this.mutex.runExclusive(key, () => this.tryToChange(key, change, known));
  }

  /** Whether it can be stored, as far as its size goes. */
  fits(key: string, index: UserIndex): boolean {
    if (index.sessions.length > MAX_INDEXED || index.ending.length > MAX_INDEXED) return false;
    return Buffer.byteLength(this.seal.close(key, encodeIndex(index))) <= this.policy.maxBytes;
  }

  /** Whoever wrote it may have named keys of others. */
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

  /** `false`: somebody else was first. */
  private async put(key: string, index: UserIndex, version: string | undefined): Promise<boolean> {
    const text = this.seal.close(key, encodeIndex(index));
    const result =
      version === undefined
        ? await this.store.create(key, text, this.life, { isSignedIn: true })
        : await this.store.update(key, text, version, this.life, { isSignedIn: true });
    return result === 'stored';
  }

  private get life(): number {
    return this.policy.timeout * 2;
  }
}
