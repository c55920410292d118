/**
 * Where records are kept. Whoever implements this gives sessions every promise of this package:
 * memcached, the memory of the process, Redis and Postgres do, and so may a store of your own
 * (docs/stores/own-store.md). `describeSessionStore()` of `nestjs-session-manager/testing` shows whether
 * one keeps it.
 *
 * - **A key** is visible ASCII without spaces, of 250 characters at most. **A text** is any string, which
 *   has to come back as it was; `maxBytes` limits its size.
 * - **Not found is an answer, never an error.** `undefined`, `'gone'`: there is no such record, be it
 *   that it never was, expired, was evicted or removed.
 * - **An error is a system error only.** Whatever a method throws means that the store cannot be reached,
 *   has failed, or has not answered in time; requests get a 503. What was asked for may then have happened
 *   or not. An outage must never be told as *not found*: visitors would lose their sessions.
 * - **Each method is atomic**, among all processes: it sees a record as it was before a change or after it,
 *   and of several that change one version, one succeeds.
 * - **A record changes only if it is still what was read.** `update` and `remove` take the version that
 *   `find` answered, and change nothing if the record has another one. Each write gives a record a version
 *   that no record of the key has had; being read or renewed leaves it as it is. A version is a string
 *   without meaning; it is never compared with that of another key.
 * - **A life is so many whole seconds**, by one clock for all processes, best that of the server. A record
 *   whose life is over is not there: it is not found, cannot be updated or removed, and its key can be
 *   created anew. It may stay a second or two longer, never end earlier.
 *
 * What must never happen: an expired or removed record is answered; half of a write is read; a write over a
 * version that is not the current one succeeds; an old copy is read, as from a replica.
 */
export interface SessionStore {
  /**
   * What reports and the log call it, such as `redis`. No secret: not the URL. Default: the name of its
   * class.
   */
  readonly name?: string;

  /** Milliseconds that an operation may take; then its request gets a 503. Default 500. */
  readonly timeout?: number;

  /** How many operations may be under way at a time; others wait in this process. Default 100. */
  readonly maxParallel?: number;

  /**
   * Reads a record, and renews its life to `renewTo` seconds from now, in one step. 0: reads it only, and
   * leaves its life as it is. Absent: as 0, or to the idle timeout for a store that knows it; sessions
   * always give it to a store of yours.
   */
  find(key: string, renewTo?: number): Promise<StoredText | undefined>;

  /** Stores a record where none is. `'taken'`: there is one, and it is left alone. */
  create(
    key: string,
    text: string,
    lifeSeconds: number,
    hints?: RecordHints,
  ): Promise<'stored' | 'taken'>;

  /**
   * Stores a record in place of the one of that version. `'changed'`: it has another version by now;
   * `'gone'`: there is none. Both leave everything as it is.
   */
  update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
    hints?: RecordHints,
  ): Promise<'stored' | 'changed' | 'gone'>;

  /** Takes the record of that version away. `'changed'` and `'gone'` as of `update`. */
  remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'>;

  /**
   * Asks the server whether it answers: called while it is known to be down, and after an error. Default:
   * a `find` of a key that has no record.
   */
  ping?(): Promise<unknown>;

  /**
   * An operation has not been answered in time: connections may be dead although nobody has closed them.
   * Whatever is asked for next should use new ones.
   */
  reconnect?(): void;

  /**
   * Looks at the server, at start and after an outage, for a line of the log and for health reports. To
   * reject is as good as an outage. Default: it is pinged.
   */
  diagnose?(needs: StoreNeeds): Promise<StoreDiagnosis>;

  /**
   * Calls `onRemoved` with the key of each record that another process removes by `remove`, as soon as it
   * can tell: sockets of that session are closed then. The function that is answered ends that. It is best
   * effort: who misses one finds out later.
   */
  watchRemovals?(onRemoved: (key: string) => void): () => void;

  /**
   * Ends what the store has opened, after the last request of the last application that uses it. Whoever
   * uses it later, such as the next application of a test, opens it anew.
   */
  close?(): Promise<void>;
}

/** A record as the store keeps it, and the version that `update` and `remove` ask for. */
export interface StoredText {
  /** As it was written. */
  readonly text: string;
  /** Changes with each write, and never comes back. */
  readonly version: string;
}

/** What is known of a record that is written. Most stores need nothing of it. */
export interface RecordHints {
  /**
   * It is of somebody who is signed in. A store that has to drop records when it is full should drop
   * others first. Absent: as the record before it.
   */
  readonly isSignedIn?: boolean;
  /**
   * What was there must never be served again, as after a new id. Only a store that keeps copies elsewhere
   * has to take care of that.
   */
  readonly isFinal?: boolean;
}

/** What sessions need of a store. */
export interface StoreNeeds {
  /** Bytes of the largest record. */
  readonly maxBytes: number;
  /** The idle timeout in seconds. */
  readonly timeout: number;
}

/** What a server is, and what is wrong with it. */
export interface StoreDiagnosis {
  /** Of the server, such as `7.0.15`. */
  readonly version?: string | undefined;
  /** What will go wrong although the server answers: a sentence with its remedy. */
  readonly problem?: string | undefined;
}
