import { apply, applyAll, keepOnly, type Change, type Entries } from './model-change.js';
import { currentKey, put, remove, sessionAt, type ModelStore } from './model-store.js';

/** One request's session in the model. Never changed in place. */
export interface ModelSession {
  readonly key: string;
  readonly status: 'new' | 'stored' | 'gone';
  /** As the request sees it: what it read, with its own changes made to it. */
  readonly view: Entries;
  /** What it changed and has not stored yet. */
  readonly changes: readonly Change[];
  /** Whether the response says its id. */
  readonly tell: boolean;
  /** Whether another request had moved it. */
  readonly followed: boolean;
}

/** A request's session, and the store with it. */
export interface World {
  readonly session: ModelSession;
  readonly store: ModelStore;
}

type Keep = boolean | readonly string[];

export function newSession(key: string): ModelSession {
  return { key, status: 'new', view: {}, changes: [], tell: true, followed: false };
}

/** What a request gets that comes with the id of that key; to an id that is none, a new session. */
export function load(store: ModelStore, key: string | undefined, newKey: string): ModelSession {
  const view = sessionAt(store, key);
  if (key === undefined || !view) return newSession(newKey);
  return { key, status: 'stored', view, changes: [], tell: false, followed: false };
}

export function change(session: ModelSession, one: Change): ModelSession {
  return { ...session, view: apply(session.view, one), changes: [...session.changes, one] };
}

/** Whether a commit would touch what others can see. */
export function isWriting(session: ModelSession): boolean {
  return session.status === 'stored' && session.changes.length > 0;
}

/** Stores the changes, merged with what others changed, wherever the session went meanwhile. */
export function commit({ session, store }: World): World {
  const { status, changes, view } = session;
  if (changes.length === 0 || status === 'gone') return { session, store };
  if (status === 'new') {
    // An empty session is worth no record.
    if (Object.keys(view).length === 0) return { session, store };
    return {
      session: { ...session, status: 'stored', changes: [] },
      store: put(store, session.key, view),
    };
  }
  const key = currentKey(store, session.key);
  if (key === undefined) return { session: ended(session), store };
  return {
    session: { ...session, changes: [], ...(key !== session.key && joined(key)) },
    store: put(store, key, applyAll(sessionAt(store, key)!, changes)),
  };
}

/** A new id; of two at once the first stands, and the other is refused: `undefined`. */
export function regenerate(
  { session, store }: World,
  keep: Keep,
  newKey: string,
): World | undefined {
  if (session.followed) return undefined;
  if (movesSession(session)) return move({ session, store }, keep, newKey);
  const renamed = session.status === 'new' ? { ...session, key: newKey } : session;
  return { session: deleteOthers(renamed, keep), store };
}

/** Whether a new id for it would touch what others can see. */
export function movesSession(session: ModelSession): boolean {
  return session.status === 'stored' && !session.followed;
}

/** Takes the session out of the store, wherever it went, and begins a new one. */
export function destroy({ session, store }: World, newKey: string): World {
  const key = session.status === 'stored' ? currentKey(store, session.key) : undefined;
  return {
    session: newSession(newKey),
    store: key === undefined ? store : remove(store, key),
  };
}

function move({ session, store }: World, keep: Keep, newKey: string): World | undefined {
  const { key, changes, view } = session;
  const newest = sessionAt(store, key);
  if (newest) {
    const kept = (entries: Entries) => keepOnly(entries, (entry) => keeps(keep, entry));
    const record = kept(applyAll(newest, changes));
    return {
      session: { ...session, key: newKey, view: kept(view), changes: [], tell: true },
      store: put(put(store, newKey, record), key, { movedTo: newKey }),
    };
  }
  return store.sessions[key] === undefined ? { session: ended(session), store } : undefined;
}

function ended(session: ModelSession): ModelSession {
  return { ...session, status: 'gone', changes: [] };
}

function joined(key: string): Pick<ModelSession, 'key' | 'tell' | 'followed'> {
  return { key, tell: false, followed: true };
}

function deleteOthers(session: ModelSession, keep: Keep): ModelSession {
  if (session.status === 'gone') return session;
  const others = Object.keys(session.view).filter((key) => !keeps(keep, key));
  return others.reduce((before, key) => change(before, { delete: key }), session);
}

function keeps(keep: Keep, key: string): boolean {
  return keep === true || (Array.isArray(keep) && keep.includes(key));
}
