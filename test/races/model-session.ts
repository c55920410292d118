import {
  apply,
  applyAll,
  effective,
  keepOnly,
  USER,
  type Change,
  type Entries,
  type ModelUser,
} from './model-change.js';
import {
  currentKey,
  isAlive,
  put,
  remove,
  removeAll,
  sessionAt,
  type ModelStore,
} from './model-store.js';

/** One request's session in the model. Never changed in place. */
export interface ModelSession {
  readonly key: string;
  readonly status: 'new' | 'stored' | 'gone';
  /** As the request sees it: what it read, with its own changes made to it. */
  readonly view: Entries;
  /** The same as it was read or last stored. */
  readonly before: Entries;
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
  const entries = { view: {}, before: {}, changes: [] };
  return { key, status: 'new', ...entries, tell: true, followed: false };
}

/** What a request with the id of that key gets; with an unknown id, a new session. */
export function load(store: ModelStore, key: string | undefined, newKey: string): ModelSession {
  const view = sessionAt(store, key);
  if (key === undefined || !view) return newSession(newKey);
  const entries = { view, before: view, changes: [] };
  return { key, status: 'stored', ...entries, tell: false, followed: false };
}

export function change(session: ModelSession, one: Change): ModelSession {
  return { ...session, view: apply(session.view, one), changes: [...session.changes, one] };
}

/** Whether a commit would touch what others can see. */
export function isWriting(session: ModelSession): boolean {
  return session.status === 'stored' && changesOf(session).length > 0;
}

export function isSignedIn(session: ModelSession): boolean {
  return userOf(session) !== undefined;
}

/** Stores the changes, merged with what others changed, wherever the session went meanwhile. */
export function commit({ session, store }: World): World {
  const { status, view } = session;
  const changes = changesOf(session);
  if (changes.length === 0 || status === 'gone') return { session, store };
  if (status === 'new') {
    // An empty session is worth no record.
    if (Object.keys(view).length === 0) return { session, store };
    return {
      session: { ...session, status: 'stored', before: view, changes: [] },
      store: put(store, session.key, view),
    };
  }
  const key = currentKey(store, session.key);
  if (key === undefined) return { session: ended(session), store };
  return {
    session: { ...session, before: view, changes: [], ...(key !== session.key && joined(key)) },
    store: put(store, key, applyAll(sessionAt(store, key)!, changes)),
  };
}

/** A new id. Of two at once both get a session; to one that has ended it is refused: it is gone. */
export function regenerate({ session, store }: World, keep: Keep, newKey: string): World {
  if (session.status === 'stored') {
    const isBorder = keep !== true;
    return (
      move({ session, store }, keep, newKey, isBorder) ??
      (isAlive(store, session.key, userOf(session) !== undefined)
        ? branch({ session, store }, keep, newKey)
        : { session: ended(session), store })
    );
  }
  const renamed = session.status === 'new' ? renamedTo(session, newKey) : session;
  return { session: deleteOthers(renamed, keep), store };
}

/** A sign-in always leads to a session: this one, a branch of it, or an empty one. */
export function signIn(
  { session, store }: World,
  { user, keep }: { readonly user: string; readonly keep: Keep },
  newKey: string,
): World {
  const asUser = (world: World) => signedIn(world, { name: user, handle: newKey });
  if (session.status === 'new') {
    const kept = deleteOthers(renamedTo(session, newKey), keep);
    return asUser({ session: kept, store });
  }
  const present = userOf(session);
  if (present && present.name !== user) {
    return asUser(destroy({ session, store }, newKey));
  }
  const isThere = session.status === 'stored' && store.sessions[session.key] !== undefined;
  if (!isThere) return asUser({ session: newSession(newKey), store });
  const world = { session, store };
  const moved = move(world, keep, newKey, true, true);
  if (!moved) return asUser(branch(world, keep, newKey));
  if (!present) return asUser(moved);
  return { ...moved, store: removeAll(moved.store, present.handle, newKey) };
}

/** Takes the session out of the store, wherever it went, and begins a new one. */
export function destroy({ session, store }: World, newKey: string): World {
  const key = session.status === 'stored' ? currentKey(store, session.key) : undefined;
  const user = userOf(session);
  const removed = key === undefined ? store : remove(store, key);
  return {
    session: newSession(newKey),
    store: key !== undefined && user ? removeAll(removed, user.handle) : removed,
  };
}

/** `undefined`: another request did. */
function move(
  { session, store }: World,
  keep: Keep,
  newKey: string,
  isBorder: boolean,
  isSignIn = false,
): World | undefined {
  const { key, followed } = session;
  const newest = sessionAt(store, key);
  if (!newest || followed) return undefined;
  const record = kept(applyAll(newest, changesOf(session)), keep);
  return {
    session: movedTo(session, keep, newKey),
    store: put(put(store, newKey, record), key, { movedTo: newKey, isBorder, isSignIn }),
  };
}

/** Another session, of what the request sees. Requests in flight stay with the one that moved. */
function branch({ session, store }: World, keep: Keep, newKey: string): World {
  return {
    session: movedTo(session, keep, newKey),
    store: put(store, newKey, kept(session.view, keep)),
  };
}

/** As stored. */
function signedIn({ session, store }: World, user: ModelUser): World {
  const view = { ...session.view, [USER]: user };
  const newest = { ...(sessionAt(store, session.key) ?? session.view), [USER]: user };
  return {
    session: { ...session, status: 'stored', view, before: view, changes: [] },
    store: put(store, session.key, newest),
  };
}

function movedTo(session: ModelSession, keep: Keep, key: string): ModelSession {
  const view = kept(session.view, keep);
  return {
    ...renamedTo(session, key),
    view,
    before: view,
    changes: [],
    tell: true,
    followed: false,
  };
}

function renamedTo(session: ModelSession, key: string): ModelSession {
  return { ...session, key };
}

function userOf({ view }: ModelSession): ModelUser | undefined {
  return view[USER] as ModelUser | undefined;
}

function kept(entries: Entries, keep: Keep): Entries {
  return keepOnly(entries, (key) => keeps(keep, key));
}

function changesOf({ changes, before, view }: ModelSession): readonly Change[] {
  return effective(changes, before, view);
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
