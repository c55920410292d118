/**
 * The contract of a session store. A store that fulfils it gives sessions every promise of this package:
 * the stores for memcached, the process's memory, Redis and Postgres do, and your own can
 * (docs/stores/own-store.md). `describeSessionStore()` of `nestjs-session-manager/testing` tests a store
 * against it.
 *
 * - **A key** is visible ASCII without spaces, of 250 characters at most. **A text** is any string
 *   without NUL, and must be returned unchanged; `maxBytes` limits its size.
 * - **Not found is an answer, never an error.** `undefined`, `'gone'`: there is no such record, because it
 *   never existed, expired, was evicted or was removed.
 * - **An error is a system error only.** A method that throws says that the store cannot be reached, has
 *   failed, or has not answered in time; requests get a 503. The operation may then have happened or not.
 *   A store must never report an outage as *not found*: visitors would lose their sessions.
 * - **Each method is atomic**, among all processes: it sees a record as it was before a change or after it,
 *   and of several calls that change one version, one succeeds.
 * - **A record changes only if it is still what was read.** `update` and `remove` take the version that
 *   `find` returned, and change nothing if the record has another one. Each write gives the record a version
 *   that no record of the key has had; reading or renewing it keeps the version. A version is a string
 *   without meaning, and is never compared with the version of another key.
 * - **A life is a number of whole seconds**, by one clock for all processes, preferably the server's. A record
 *   whose life is over does not exist: it is not found, cannot be updated or removed, and its key can be
 *   created again. It may stay a second or two longer, but must never end earlier.
 *
 * What must never happen: an expired or removed record is returned; half of a write is read; a write over a
 * version that is not the current one succeeds; an old copy is read, for example from a replica.
 */
export interface SessionStore {
  /**
   * Its name in reports and in the log, such as `redis`. Must not contain secrets, so not the URL. Default:
   * the name of its class.
   */
  readonly name?: string;

  /** How long an operation may take, in milliseconds; after that, its request gets a 503. Default 500. */
  readonly timeout?: number;

  /** How many operations may run at a time; others wait in this process. Default 100. */
  readonly maxParallel?: number;

  /**
   * Reads a record and renews its life to `renewTo` seconds from now, in one step. 0: only reads it, its
   * life stays as it is. Absent: like 0, or the idle timeout if the store knows it; your own store is
   * always called with a value.
   */
  find(key: string, renewTo?: number): Promise<StoredText | undefined>;

  /** Stores a new record. `'taken'`: the key has one already, which is not changed. */
  create(
    key: string,
    text: string,
    lifeSeconds: number,
    hints?: RecordHints,
  ): Promise<'stored' | 'taken'>;

  /**
   * Replaces the record of that version. `'changed'`: the record has another version by now; `'gone'`: there
   * is no record. In both cases nothing is changed.
   */
  update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
    hints?: RecordHints,
  ): Promise<'stored' | 'changed' | 'gone'>;

  /** Removes the record of that version. `'changed'` and `'gone'`: as for `update`. */
  remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'>;

  /**
   * Checks that the server answers. Called after an error, and regularly during an outage. Default: a `find`
   * of a key that has no record.
   */
  ping?(): Promise<unknown>;

  /**
   * Called after an operation timed out: a connection may be dead although it was not closed. The next
   * operations should use new connections.
   */
  reconnect?(): void;

  /**
   * Examines the server, at start and after an outage, for the log and health reports. A rejection counts as
   * an outage. Default: `ping`.
   */
  diagnose?(needs: StoreNeeds): Promise<StoreDiagnosis>;

  /**
   * Calls `onRemoved` with the key of each record that another process removes with `remove`, as soon as
   * possible: the sockets of that session are then closed. The returned function stops this. Best effort: a
   * missed removal is detected later.
   */
  watchRemovals?(onRemoved: (key: string) => void): () => void;

  /**
   * Closes what the store has opened, after the last request of the last application that uses it. A later
   * call, such as from a test's next application, opens it again.
   */
  close?(): Promise<void>;
}

/** A record's text, and the version that `update` and `remove` take. */
export interface StoredText {
  /** As it was written. */
  readonly text: string;
  /** Changes with each write, and never comes back. */
  readonly version: string;
  /**
   * The remaining life in seconds, if the read did not renew it (`renewTo` 0). Absent if the store does not
   * know it: `expiresAt` of the session is then the latest possible time.
   */
  readonly lifeLeft?: number | undefined;
}

/** Facts about a record that is written. Most stores can ignore them. */
export interface RecordHints {
  /**
   * The record belongs to a signed-in user. A store that has to drop records when it is full should drop
   * others first. Absent: like the record that it replaces.
   */
  readonly isSignedIn?: boolean;
  /**
   * The replaced record must never be served again, as after a new id. Only a store that keeps copies
   * elsewhere must take care of this.
   */
  readonly isFinal?: boolean;
}

/** What sessions need from a store. */
export interface StoreNeeds {
  /** Bytes of the largest record. */
  readonly maxBytes: number;
  /** The idle timeout in seconds. */
  readonly timeout: number;
}

/** A server's version and its problem. */
export interface StoreDiagnosis {
  /** The server's version, such as `7.0.15`. */
  readonly version?: string | undefined;
  /** A problem although the server answers: a sentence with its remedy. */
  readonly problem?: string | undefined;
}
