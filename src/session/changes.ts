import { fromJson, isFlashKey, toJson } from './entry-value.js';

/** An entry's old value in, its new one out. Called again if another request won the race. */
export type Updater = (old: unknown) => unknown;

type Texts = ReadonlyMap<string, string>;

type Change =
  | { readonly json: string } // set
  | { readonly update: Updater }
  | 'delete';

/**
 * What one request did to its session's entries, entry by entry, so that it can be done again to
 * entries which another request has changed in the meantime. Entries do not depend on each other:
 * for each only what matters is kept, and the order between entries is not.
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

  /** Whether all that was done left the entries as they were before. */
  leaves(before: Texts, after: Texts): boolean {
    if (this.cleared) return before.size === after.size && isWithin(before, after);
    for (const key of this.byKey.keys()) {
      // A message counts, even if one with the same words is there: somebody may be reading that one.
      if (isFlashKey(key) || before.get(key) !== after.get(key)) return false;
    }
    return true;
  }

  /** Forgets what was set or deleted and is as it was before. */
  settle(before: Texts, after: Texts): void {
    if (this.cleared) return;
    for (const [key, changes] of this.byKey) {
      const isSame = before.get(key) === after.get(key) && !isFlashKey(key);
      if (isSame && !changes.some(isUpdate)) this.byKey.delete(key);
    }
  }

  /** Puts what came later behind what is here. */
  append(later: SessionChanges): void {
    if (later.cleared) this.clear();
    for (const [key, changes] of later.byKey) {
      const before = this.byKey.get(key);
      if (before && isUpdate(changes[0])) before.push(...changes);
      else this.byKey.set(key, changes);
    }
  }

  /** Makes the changes to these entries, in place. */
  applyTo(entries: Map<string, string>): void {
    if (this.cleared) clearEntries(entries);
    for (const [key, changes] of this.byKey) {
      for (const change of changes) applyChange(entries, key, change);
    }
  }
}

/** What `update` does to one entry; also used to show its result at once. */
export function applyUpdate(entries: Map<string, string>, key: string, update: Updater): unknown {
  const json = entries.get(key);
  const value = update(json === undefined ? undefined : fromJson(json));
  if (value === undefined) entries.delete(key);
  else entries.set(key, toJson(key, value));
  return value;
}

/** All but the flash messages: these are no entries. */
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
