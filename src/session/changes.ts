import { fromJson, isFlashKey, toJson } from './entry-value.js';

/** Returns an entry's new value for its old one. Called again after a conflict. */
export type Updater = (old: unknown) => unknown;

type Texts = ReadonlyMap<string, string>;

type Change =
  | { readonly json: string } // set
  | { readonly update: Updater }
  | 'delete';

/**
 * The changes of one request to its session's entries, so that they can be applied again to entries that
 * another request has changed meanwhile. Entries are independent: each keeps only its relevant changes, and
 * the order between entries is not kept.
 */
export class SessionChanges {
  private cleared = false;
  private readonly byKey = new Map<string, Change[]>();

  get isEmpty(): boolean {
    return !this.cleared && this.byKey.size === 0;
  }

  set(key: string, json: string): void {
    this.byKey.set(key, [{ json }]);
  }

  delete(key: string): void {
    this.byKey.set(key, ['delete']);
  }

  update(key: string, update: Updater): void {
    const before = this.byKey.get(key);
    if (before) before.push({ update });
    else this.byKey.set(key, [{ update }]);
  }

  clear(): void {
    this.cleared = true;
    clearEntries(this.byKey);
  }

  /** Whether the changes restore the values from before. */
  leaves(before: Texts, after: Texts): boolean {
    if (this.cleared) return before.size === after.size && isWithin(before, after);
    for (const key of this.byKey.keys()) {
      // A flash message counts even if one with the same text exists: another request may be reading that.
      if (isFlashKey(key) || before.get(key) !== after.get(key)) return false;
    }
    return true;
  }

  /** Forgets entries whose values are the same as before. */
  settle(before: Texts, after: Texts): void {
    if (this.cleared) return;
    for (const [key, changes] of this.byKey) {
      const isSame = before.get(key) === after.get(key) && !isFlashKey(key);
      if (isSame && !changes.some(isUpdate)) this.byKey.delete(key);
    }
  }

  /** Appends later changes. */
  append(later: SessionChanges): void {
    if (later.cleared) this.clear();
    for (const [key, changes] of later.byKey) {
      const before = this.byKey.get(key);
      if (before && isUpdate(changes[0])) before.push(...changes);
      else this.byKey.set(key, changes);
    }
  }

  /** Applies the changes to these entries, in place. */
  applyTo(entries: Map<string, string>): void {
    if (this.cleared) clearEntries(entries);
    for (const [key, changes] of this.byKey) {
      for (const change of changes) applyChange(entries, key, change);
    }
  }
}

/** Applies an `update` to one entry; also used to show its result at once. */
export function applyUpdate(entries: Map<string, string>, key: string, update: Updater): unknown {
  const json = entries.get(key);
  const value = update(json === undefined ? undefined : fromJson(json));
  if (value === undefined) entries.delete(key);
  else entries.set(key, toJson(key, value));
  return value;
}

/** All keys except those of flash messages, which are not entries. */
export function clearEntries(entries: Map<string, unknown>): void {
  for (const key of entries.keys()) if (!isFlashKey(key)) entries.delete(key);
}

function applyChange(entries: Map<string, string>, key: string, change: Change): void {
  if (change === 'delete') entries.delete(key);
  else if ('json' in change) entries.set(key, change.json);
  else applyUpdate(entries, key, change.update);
}

function isUpdate(change: Change | undefined): boolean {
  return typeof change === 'object' && 'update' in change;
}

function isWithin(some: Texts, all: Texts): boolean {
  for (const [key, json] of some) if (all.get(key) !== json) return false;
  return true;
}
