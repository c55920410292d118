import { AsyncResource } from 'node:async_hooks';

import { applyUpdate, clearEntries, SessionChanges, type Updater } from './changes.js';
import { SessionValueError } from './errors.js';
import { checkKey, flashKey, fromJson, isFlashKey, toJson, type ToText } from './entry-value.js';

/** An object that the application has read, and its text at the last comparison. */
interface Live {
  readonly value: object;
  json: string;
  toText: ToText;
}

/** Shared by all requests that have changed nothing yet; never changed itself. */
const NO_CHANGES = new SessionChanges();

/**
 * The dictionary of one request: the entries it read, with its own changes. Changes of other requests are
 * merged when the changes are stored, not here: a request that holds the session across a sign-in sees
 * nothing of later changes.
 */
export class SessionEntries {
  /** Copied before the first change, as the record it came from may be shared. */
  private texts: ReadonlyMap<string, string>;
  private copied = false;
  /** The texts as read, or as last stored. An entry with the same text again has not changed. */
  private before: ReadonlyMap<string, string>;
  private beforeTaken: ReadonlyMap<string, string>;
  /** Absent: none yet, as in requests that use no objects. */
  private live: Map<string, Live> | undefined;
  private changes = NO_CHANGES;
  /** Called at each change. */
  onChange: (() => void) | undefined;

  /** `isStrict`: an object must not have anything that is `undefined`. */
  constructor(
    texts: ReadonlyMap<string, string>,
    private readonly isStrict = false,
  ) {
    this.texts = this.before = this.beforeTaken = texts;
  }

  get size(): number {
    let size = 0;
    for (const key of this.texts.keys()) if (!isFlashKey(key)) size++;
    return size;
  }

  /** Whether there are no entries and no flash messages. */
  get isEmpty(): boolean {
    return this.texts.size === 0;
  }

  /** `toText`: what is stored of an object that is changed in place. */
  get(key: string, toText: ToText = toJson): unknown {
    const live = this.live?.get(key);
    if (live) {
      if (toText !== toJson) live.toText = toText;
      return live.value;
    }
    const json = this.texts.get(key);
    if (json === undefined) return undefined;
    return this.handOut(key, json, fromJson(json), toText);
  }

  /** Like `get`, for read-only sessions: the value is frozen, and commits do not compare it. */
  read(key: string): unknown {
    this.notice(key);
    const json = this.texts.get(key);
    return json === undefined ? undefined : deepFreeze(fromJson(json));
  }

  has(key: string): boolean {
    return this.texts.has(key);
  }

  *keys(): IterableIterator<string> {
    for (const key of this.texts.keys()) if (!isFlashKey(key)) yield key;
  }

  set(key: string, value: unknown, toText: ToText = toJson): void {
    checkKey(key);
    const json = value === undefined ? undefined : toText(key, value, this.isStrict);
    if (json === undefined) {
      this.delete(key);
      return;
    }
    if (this.texts.get(key) !== json) this.change().set(key, json);
    this.log().set(key, json);
    this.live?.delete(key);
    this.handOut(key, json, value, toText);
  }

  delete(key: string): boolean {
    if (!this.texts.has(key)) return false;
    this.live?.delete(key);
    this.log().delete(key);
    return this.change().delete(key);
  }

  clear(): void {
    this.live?.clear();
    this.log().clear();
    clearEntries(this.change());
  }

  update(key: string, update: Updater): unknown {
    checkKey(key);
    this.notice(key);
    const updater = this.isStrict ? strictly(key, update) : update;
    const value = applyUpdate(this.change(), key, updater);
    this.live?.delete(key);
    // It may be called again in another request's turn, but must run in its own async context.
    this.log().update(key, AsyncResource.bind(updater));
    return value;
  }

  increment(key: string, by: number): number {
    if (!Number.isFinite(by)) {
      throw new SessionValueError(key, `cannot be incremented by ${by}; give a finite number`);
    }
    return this.update(key, (old) => {
      if (old !== undefined && typeof old !== 'number') {
        throw new SessionValueError(key, `cannot be incremented: its value is a ${typeof old}`);
      }
      return (old ?? 0) + by;
    }) as number;
  }

  /** Sets a flash message for a later request. It replaces an earlier one of the same name. */
  setFlash(name: string, value: unknown): void {
    const key = flashKey(name);
    if (value === undefined) {
      this.delete(key);
      return;
    }
    const json = toJson(name, value, this.isStrict);
    this.change().set(key, json);
    this.log().set(key, json);
  }

  /**
   * Removes a flash message. After the removal is stored, `value` shows whether this request got the message.
   * A message that another request has set in its place stays.
   */
  takeFlash(name: string): { value: unknown } | undefined {
    const key = flashKey(name);
    const json = this.texts.get(key);
    if (json === undefined) return undefined;
    const taken: { value: unknown } = { value: undefined };
    const take: Updater = (newest) => {
      const isMine = newest !== undefined && JSON.stringify(newest) === json;
      taken.value = isMine ? newest : undefined;
      return isMine ? undefined : newest;
    };
    applyUpdate(this.change(), key, take);
    this.log().update(key, take);
    return taken;
  }

  /** A copy of the entries, with all changes: what to store if no other request has changed the record. */
  snapshot(): ReadonlyMap<string, string> {
    this.copied = false;
    return this.texts;
  }

  /** Each entry's JSON text as this request sees it, to look at and not to keep. */
  get view(): ReadonlyMap<string, string> {
    return this.texts;
  }

  /** Whether there are changes to store. Detects objects that were changed in place. */
  hasChanges(): boolean {
    this.noticeAll();
    return !this.changes.isEmpty && !this.changes.leaves(this.before, this.texts);
  }

  /** Returns the changes to be stored, and starts a new log. */
  takeChanges(): SessionChanges {
    const taken = this.log();
    taken.settle(this.before, this.texts);
    this.changes = NO_CHANGES;
    this.beforeTaken = this.before;
    this.before = this.snapshot();
    return taken;
  }

  /** Restores changes that could not be stored. */
  returnChanges(changes: SessionChanges): void {
    changes.append(this.changes);
    this.changes = changes;
    this.before = this.beforeTaken;
  }

  /**
   * Continues with the stored entries, and makes its own changes to them. An object that another request has
   * replaced is not watched any more: code that holds it must read it again.
   *
   * @throws what an `update` function throws when it is called again; then nothing has changed
   */
  rebase(stored: ReadonlyMap<string, string>): void {
    this.noticeAll();
    this.changes.settle(this.before, this.texts);
    const texts = new Map(stored);
    this.changes.applyTo(texts);
    for (const [key, { json }] of this.live ?? []) {
      if (texts.get(key) !== json) this.live!.delete(key);
    }
    this.texts = texts;
    this.copied = true;
    this.before = stored;
  }

  /** Removes entries without a change to store: the new record does not have them. */
  retain(keeps: (key: string) => boolean): void {
    for (const key of [...this.keys()]) {
      if (keeps(key)) continue;
      this.live?.delete(key);
      this.change().delete(key);
    }
    this.before = this.snapshot();
  }

  /** Drops the changes since `takeChanges()`. */
  discardChanges(): void {
    this.live?.clear();
    this.changes = NO_CHANGES;
    this.texts = this.before;
    this.copied = false;
  }

  /** Whether all changes take something away, so that they hold as well if there is nothing left. */
  get onlyTakesAway(): boolean {
    this.noticeAll();
    for (const [key, json] of this.texts) {
      const before = this.before.get(key);
      if (before === json) continue;
      if (before === undefined || !isPartOf(fromJson(json), fromJson(before))) return false;
    }
    return true;
  }

  private handOut(key: string, json: string, value: unknown, toText: ToText): unknown {
    if (typeof value === 'object' && value !== null) {
      (this.live ??= new Map<string, Live>()).set(key, { value, json, toText });
    }
    return value;
  }

  private noticeAll(): void {
    for (const key of this.live?.keys() ?? []) this.notice(key);
  }

  /** Detects whether an object was changed in place, and records that as a change. */
  private notice(key: string): void {
    const live = this.live?.get(key);
    if (!live) return;
    const json = live.toText(key, live.value, this.isStrict);
    if (json === live.json) return;
    if (json === undefined) {
      this.delete(key);
      return;
    }
    live.json = json;
    this.change().set(key, json);
    this.log().set(key, json);
  }

  private log(): SessionChanges {
    if (this.changes === NO_CHANGES) this.changes = new SessionChanges();
    return this.changes;
  }

  private change(): Map<string, string> {
    this.onChange?.();
    if (!this.copied) {
      this.texts = new Map(this.texts);
      this.copied = true;
    }
    return this.texts as Map<string, string>;
  }
}

/** Whether an object is another one without some of its properties, on whatever level. */
function isPartOf(part: unknown, whole: unknown): boolean {
  if (!isPlainObject(part) || !isPlainObject(whole)) {
    return JSON.stringify(part) === JSON.stringify(whole);
  }
  return Object.keys(part).every(
    (key) => Object.hasOwn(whole, key) && isPartOf(part[key], whole[key]),
  );
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The function is also called with values that others have stored. */
function strictly(key: string, update: Updater): Updater {
  return (old) => {
    const value = update(old);
    if (value !== undefined) toJson(key, value, true);
    return value;
  };
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) deepFreeze(item);
    Object.freeze(value);
  }
  return value;
}
