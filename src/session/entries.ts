import { AsyncResource } from 'node:async_hooks';

import { applyUpdate, clearEntries, SessionChanges, type Updater } from './changes.js';
import { SessionValueError } from './errors.js';
import { checkKey, flashKey, fromJson, isFlashKey, toJson, type ToText } from './entry-value.js';

/** An object that the application holds in its hands, and its text when last looked at. */
interface Live {
  readonly value: object;
  json: string;
  toText: ToText;
}

/**
 * The dictionary as one request sees it: the entries it read, with its own changes made to them.
 * What other requests change meanwhile is merged when the changes are stored, not here: a request
 * that held the session across a sign-in sees nothing of what came after.
 */
export class SessionEntries {
  /** Copied before the first change, as the record it came from may be shared. */
  private texts: ReadonlyMap<string, string>;
  private copied = false;
  /** As they were read, or last taken to be stored: to have them so again is no change. */
  private before: ReadonlyMap<string, string>;
  private beforeTaken: ReadonlyMap<string, string>;
  private readonly live = new Map<string, Live>();
  private changes = new SessionChanges();
  /** Told of each change. */
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

  /** Whether there is nothing at all to store. */
  get isEmpty(): boolean {
    return this.texts.size === 0;
  }

  /** `toText`: what is stored of an object that is changed in place. */
  get(key: string, toText: ToText = toJson): unknown {
    const live = this.live.get(key);
    if (live) {
      if (toText !== toJson) live.toText = toText;
      return live.value;
    }
    const json = this.texts.get(key);
    if (json === undefined) return undefined;
    return this.handOut(key, json, fromJson(json), toText);
  }

  /** The same as `get`, for whoever must not change it: frozen, and not looked at by a commit. */
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
    this.changes.set(key, json);
    this.live.delete(key);
    this.handOut(key, json, value, toText);
  }

  delete(key: string): boolean {
    if (!this.texts.has(key)) return false;
    this.live.delete(key);
    this.changes.delete(key);
    return this.change().delete(key);
  }

  clear(): void {
    this.live.clear();
    this.changes.clear();
    clearEntries(this.change());
  }

  update(key: string, update: Updater): unknown {
    checkKey(key);
    this.notice(key);
    const updater = this.isStrict ? strictly(key, update) : update;
    const value = applyUpdate(this.change(), key, updater);
    this.live.delete(key);
    // It may be called again in the turn of another request, whose context is none of its business.
    this.changes.update(key, AsyncResource.bind(updater));
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

  /** Keeps a message for a later request; the last one of a name counts. */
  setFlash(name: string, value: unknown): void {
    const key = flashKey(name);
    if (value === undefined) {
      this.delete(key);
      return;
    }
    const json = toJson(name, value, this.isStrict);
    this.change().set(key, json);
    this.changes.set(key, json);
  }

  /**
   * Takes a message away. Whether this request is the one that has it is known once that is stored;
   * `value` then says it. A message that somebody put in its place is left for who reads that one.
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
    this.changes.update(key, take);
    return taken;
  }

  /** The entries as they stand: the base of a first write, if nobody else came in between. */
  snapshot(): ReadonlyMap<string, string> {
    this.copied = false;
    return this.texts;
  }

  /** Each entry's JSON text as this request sees it, to look at and not to keep. */
  get view(): ReadonlyMap<string, string> {
    return this.texts;
  }

  /** Whether there is something to store. Finds objects that were changed after they were read. */
  hasChanges(): boolean {
    for (const key of this.live.keys()) this.notice(key);
    return !this.changes.isEmpty && !this.changes.leaves(this.before, this.texts);
  }

  /** Hands the changes over to be stored, and begins anew. */
  takeChanges(): SessionChanges {
    const taken = this.changes;
    taken.settle(this.before, this.texts);
    this.changes = new SessionChanges();
    this.beforeTaken = this.before;
    this.before = this.snapshot();
    return taken;
  }

  /** Takes changes back that could not be stored. */
  returnChanges(changes: SessionChanges): void {
    changes.append(this.changes);
    this.changes = changes;
    this.before = this.beforeTaken;
  }

  /**
   * Goes on with what is stored by now, and makes its own changes to that. An object that somebody else has
   * replaced is not looked at any more: whoever has it in hand has to read it again.
   *
   * @throws what an `update` function throws when it is called again; then nothing has changed
   */
  rebase(stored: ReadonlyMap<string, string>): void {
    for (const key of this.live.keys()) this.notice(key);
    this.changes.settle(this.before, this.texts);
    const texts = new Map(stored);
    this.changes.applyTo(texts);
    for (const [key, { json }] of this.live) if (texts.get(key) !== json) this.live.delete(key);
    this.texts = texts;
    this.copied = true;
    this.before = stored;
  }

  /** Drops entries without a change to store: the new record does not have them. */
  retain(keeps: (key: string) => boolean): void {
    for (const key of [...this.keys()]) {
      if (keeps(key)) continue;
      this.live.delete(key);
      this.change().delete(key);
    }
    this.before = this.snapshot();
  }

  /** Drops what was changed since it was last taken to be stored. */
  discardChanges(): void {
    this.live.clear();
    this.changes = new SessionChanges();
    this.texts = this.before;
    this.copied = false;
  }

  /** Whether all changes take something away, so that they hold as well if there is nothing left. */
  get onlyTakesAway(): boolean {
    for (const key of this.live.keys()) this.notice(key);
    for (const [key, json] of this.texts) {
      const before = this.before.get(key);
      if (before === json) continue;
      if (before === undefined || !isPartOf(fromJson(json), fromJson(before))) return false;
    }
    return true;
  }

  private handOut(key: string, json: string, value: unknown, toText: ToText): unknown {
    if (typeof value === 'object' && value !== null) this.live.set(key, { value, json, toText });
    return value;
  }

  /** Makes a change of what was done to an object behind the dictionary's back. */
  private notice(key: string): void {
    const live = this.live.get(key);
    if (!live) return;
    const json = live.toText(key, live.value, this.isStrict);
    if (json === live.json) return;
    if (json === undefined) {
      this.delete(key);
      return;
    }
    live.json = json;
    this.change().set(key, json);
    this.changes.set(key, json);
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

/** It is called with what others have stored, too. */
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
