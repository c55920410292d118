import type { Entries } from './model-change.js';

/**
 * The store as the model has it: under a key there is a session, or where it went. A key that is not
 * there was destroyed. Never changed in place, since the search goes back to earlier ones.
 */
export interface ModelStore {
  readonly sessions: Readonly<Record<string, Entries | MovedTo>>;
  /** The key that each request was told, by its number. */
  readonly told: Readonly<Record<number, string>>;
}

interface MovedTo {
  readonly movedTo: string;
}

export const EMPTY_STORE: ModelStore = { sessions: {}, told: {} };

export function sessionAt(store: ModelStore, key: string | undefined): Entries | undefined {
  const found = key === undefined ? undefined : store.sessions[key];
  return found === undefined || isMoved(found) ? undefined : found;
}

/** Where the session of that key is now, through all the new ids it got; `undefined`: gone. */
export function currentKey(store: ModelStore, key: string): string | undefined {
  const found = store.sessions[key];
  if (found === undefined) return undefined;
  return isMoved(found) ? currentKey(store, found.movedTo) : key;
}

export function put(store: ModelStore, key: string, record: Entries | MovedTo): ModelStore {
  return { ...store, sessions: { ...store.sessions, [key]: record } };
}

export function remove(store: ModelStore, key: string): ModelStore {
  const { [key]: _removed, ...sessions } = store.sessions;
  return { ...store, sessions };
}

export function tell(store: ModelStore, request: number, key: string): ModelStore {
  return { ...store, told: { ...store.told, [request]: key } };
}

// No entry of the programs has this name.
function isMoved(record: Entries | MovedTo): record is MovedTo {
  return 'movedTo' in record;
}
