import { USER, type Entries, type ModelUser } from './model-change.js';

/**
 * The store in the model: under a key there is a session, or the key that it moved to. A key that is not
 * there was destroyed. Never changed in place, since the search goes back to earlier ones.
 */
export interface ModelStore {
  readonly sessions: Readonly<Record<string, Entries | MovedTo>>;
  /** The key that each request got, by its number. */
  readonly told: Readonly<Record<number, string>>;
}

interface MovedTo {
  readonly movedTo: string;
  /** Requests that had read it do not follow. */
  readonly isBorder: boolean;
  readonly isSignIn: boolean;
}

export const EMPTY_STORE: ModelStore = { sessions: {}, told: {} };

export function sessionAt(store: ModelStore, key: string | undefined): Entries | undefined {
  const found = key === undefined ? undefined : store.sessions[key];
  return found === undefined || isMoved(found) ? undefined : found;
}

/**
 * Where the session of that key is now for a request that had read it, through all the new ids it got up to the
 * first border; `undefined`: gone.
 */
export function currentKey(store: ModelStore, key: string): string | undefined {
  const found = store.sessions[key];
  if (found === undefined) return undefined;
  if (!isMoved(found)) return key;
  return found.isBorder ? undefined : currentKey(store, found.movedTo);
}

/**
 * Whether there is a session at the end of the way, through borders as well; as a user only if there is
 * no sign-in on the way.
 */
export function isAlive(store: ModelStore, key: string, asUser: boolean): boolean {
  const found = store.sessions[key];
  if (found === undefined || !isMoved(found)) return found !== undefined;
  return !(asUser && found.isSignIn) && isAlive(store, found.movedTo, asUser);
}

export function put(store: ModelStore, key: string, record: Entries | MovedTo): ModelStore {
  return { ...store, sessions: { ...store.sessions, [key]: record } };
}

/** Without those that this user's session is under, but for one. */
export function removeAll(store: ModelStore, handle: string, but?: string): ModelStore {
  const keys = Object.keys(store.sessions).filter((key) => {
    const user = sessionAt(store, key)?.[USER] as ModelUser | undefined;
    return key !== but && user?.handle === handle;
  });
  return keys.reduce(remove, store);
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
