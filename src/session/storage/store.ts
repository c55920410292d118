/**
 * Where records are kept: the contract, in prose once, and shown by one test for every store.
 *
 * - **Not found is an answer, never an error.** `undefined`, `'gone'`: there is no such record, be it
 *   that it never was, expired, was evicted or removed.
 * - **An error is a system error only.** Every method rejects with a `SessionStoreError` if the store
 *   cannot be reached, fails, or does not answer in time. What was asked for may then have happened
 *   or not. An outage is never told as *not found*.
 * - **A record changes only if it is still what was read.** `update` and `remove` take the version
 *   that `find` gave, and change nothing if the record has one they were not told.
 */
export interface SessionStore {
  /**
   * Reads a record and renews its life, in one step where the store can: to the idle timeout, or to so
   * many seconds. 0: reads it only.
   */
  find(key: string, renewTo?: number): Promise<StoredText | undefined>;

  /**
   * Stores a record where none is. `'taken'`: there is one, and it is left alone. `isSignedIn`: it is of
   * somebody who is signed in. A store that has to drop records when it is full drops others first.
   */
  create(
    key: string,
    text: string,
    lifeSeconds: number,
    isSignedIn?: boolean,
  ): Promise<'stored' | 'taken'>;

  /**
   * Stores a record in place of the one of that version. `isFinal`: what was there must never be
   * served again, as after a new id. A store that keeps copies elsewhere and cannot make sure of that
   * rejects with a `SessionStoreRefusal`, and has changed nothing; so it does with a `create` that
   * nobody can have noticed.
   */
  update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
    isFinal?: boolean,
    isSignedIn?: boolean,
  ): Promise<'stored' | 'changed' | 'gone'>;

  /** Takes the record of that version away. */
  remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'>;
}

/** A record as the store keeps it, and the version that `update` and `remove` ask for. */
export interface StoredText {
  readonly text: string;
  readonly version: string;
}
