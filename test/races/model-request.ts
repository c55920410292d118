import { isDeepStrictEqual } from 'node:util';

import type { CookieNews, RequestHistory } from './history.js';
import { listWith, shown, type Change } from './model-change.js';
import {
  change,
  commit,
  destroy,
  isSignedIn,
  isWriting,
  load,
  regenerate,
  signIn,
  type ModelSession,
  type World,
} from './model-session.js';
import { tell, type ModelStore } from './model-store.js';
import { entryKey, STATUS, tagOf, type Operation } from './operation.js';

/** How far a request has come in the model. Never changed in place. */
export interface Run {
  /** The operation it stands before. */
  readonly at: number;
  readonly waitsPassed: number;
  /** The keys it has used up. */
  readonly keys: number;
  readonly session: ModelSession | undefined;
  /** Whether it ended a session that it did not put another one in place of. */
  readonly isOver: boolean;
  readonly isDone: boolean;
}

/** A request between two steps, and the store. */
export interface Situation {
  readonly run: Run;
  readonly store: ModelStore;
}

export const NOT_STARTED: Run = {
  at: 0,
  waitsPassed: 0,
  keys: 0,
  session: undefined,
  isOver: false,
  isDone: false,
};

/**
 * Goes on to the next operation that reads or writes the store, or to the end; what happens up to
 * there concerns no other request. `undefined`: its client saw something else.
 */
export function goOn(request: RequestHistory, situation: Situation): Situation | undefined {
  let next: Situation | undefined = situation;
  while (next && !next.run.isDone && !touchesStore(request, next.run)) {
    next = perform(request, next);
  }
  return next;
}

/** Does the request's next operation, and continues from there. */
export function takeStep(request: RequestHistory, situation: Situation): Situation | undefined {
  const next = perform(request, situation);
  return next && goOn(request, next);
}

/** When its client has hung up, what it changed so far is stored at any moment, or not. */
export function storeUnasked({ run, store }: Situation): Situation | undefined {
  if (!run.session || !isWriting(run.session) || run.isDone) return undefined;
  const after = commit({ session: run.session, store });
  return { run: { ...run, session: after.session }, store: after.store };
}

/**
 * A client that signed in, or got a new id as a user, and hung up did not learn the id: no client has that
 * session, so it is ended when the handler is done. If the response had been sent already, it stays.
 */
export function withdraw(
  request: RequestHistory,
  { run, store }: Situation,
): Situation | undefined {
  const { session } = run;
  if (!run.isDone || !session?.tell || session.status !== 'stored' || !isSignedIn(session)) {
    return undefined;
  }
  const after = destroy({ session, store }, nextKey(request, run));
  return { run: { ...run, session: after.session }, store: after.store };
}

/** The moments between which the next step of a request happens. */
export function timeOfStep(request: RequestHistory, run: Run): { from: number; until: number } {
  const { waits, startedAt, answer } = request;
  const last = run.waitsPassed === 0 ? undefined : waits[run.waitsPassed - 1];
  const from = run.waitsPassed === 0 ? startedAt : (last?.releasedAt ?? Infinity);
  return { from, until: waits[run.waitsPassed]?.reachedAt ?? answer?.at ?? Infinity };
}

function touchesStore(request: RequestHistory, run: Run): boolean {
  const operation = request.operations[run.at];
  // Then its changes may be stored between any two operations.
  if (!request.answer && run.session) return true;
  if (operation?.do === 'wait') return false;
  if (!run.session) return operation !== undefined && operation.do !== 'refuse';
  switch (operation?.do) {
    case undefined:
    case 'refuse':
    case 'save':
      return isWriting(run.session);
    case 'signIn':
      return true;
    case 'regenerate':
    case 'destroy':
    case 'create':
      return run.session.status === 'stored';
    default:
      return false;
  }
}

function perform(request: RequestHistory, { run, store }: Situation): Situation | undefined {
  const operation = request.operations[run.at];
  if (!operation || operation.do === 'refuse') return end(request, { run, store });
  if (operation.do === 'wait') {
    return { run: { ...run, at: run.at + 1, waitsPassed: run.waitsPassed + 1 }, store };
  }
  if (!run.session) {
    const key = request.idFrom === undefined ? undefined : store.told[request.idFrom];
    const session = load(store, key, nextKey(request, run));
    return { run: { ...run, session, keys: run.keys + 1 }, store };
  }
  const next = operate(request, operation, run, { session: run.session, store });
  if (next.session.status === 'gone' && fails(operation)) return fail(request, run, next);
  const seen = request.answer?.results?.[run.at];
  if (request.answer?.results && isVisible(operation) && !isDeepStrictEqual(seen, next.result)) {
    return undefined;
  }
  const isOver = run.isOver || operation.do === 'destroy' || operation.do === 'create';
  const { session } = next;
  return {
    run: { ...run, at: run.at + 1, keys: run.keys + 1, session, isOver },
    store: next.store,
  };
}

/** Does one operation to a session, and answers what it returns. */
function operate(
  request: RequestHistory,
  operation: Operation,
  run: Run,
  world: World,
): World & { readonly result?: unknown } {
  const { session, store } = world;
  const tag = tagOf(request.number, run.at);
  const changed = (one: Change): World => ({ session: change(session, one), store });
  switch (operation.do) {
    case 'read':
      return { ...world, result: shown(session.view) };
    case 'set':
      return changed({ set: entryKey(operation.entry, request.number), to: tag });
    case 'delete': {
      const key = entryKey(operation.entry, request.number);
      // What the request does not see it does not delete.
      if (!(key in session.view)) return { ...world, result: false };
      return { ...changed({ delete: key }), result: true };
    }
    case 'increment': {
      const next = changed({ increment: 'count', by: operation.by });
      return { ...next, result: next.session.view['count'] };
    }
    case 'append':
      return changed({ append: 'list', tag });
    case 'push':
      return changed({ set: 'list', to: listWith(session.view['list'], tag) });
    case 'clear':
      return changed('clear');
    case 'save':
      return commit(world);
    case 'regenerate':
      return regenerate(world, operation.keep, nextKey(request, run));
    case 'signIn':
      return signIn(world, operation, nextKey(request, run));
    case 'destroy':
    case 'create':
      return destroy(world, nextKey(request, run));
    case 'wait':
    case 'refuse':
      return world;
  }
}

/** To a session that is gone. */
function fails(operation: Operation): boolean {
  return operation.do === 'save' || operation.do === 'regenerate';
}

function isVisible(operation: Operation): boolean {
  return operation.do === 'read' || operation.do === 'delete' || operation.do === 'increment';
}

function end(request: RequestHistory, { run, store }: Situation): Situation | undefined {
  const isRefused = request.operations[run.at]?.do === 'refuse';
  const after = run.session && commit({ session: run.session, store });
  const session = after?.session;
  const isTold = session?.status === 'stored' && session.tell;
  const cookie = isTold ? 'new id' : run.isOver ? 'over' : 'nothing';
  if (!answers(request, isRefused ? STATUS.refused : STATUS.done, cookie)) return undefined;
  const ended = after?.store ?? store;
  return {
    run: { ...run, session, isDone: true },
    store: isTold ? tell(ended, request.number, session.key) : ended,
  };
}

function fail(request: RequestHistory, run: Run, { session, store }: World): Situation | undefined {
  if (!answers(request, STATUS.failed, 'nothing')) return undefined;
  return { run: { ...run, session, isDone: true }, store };
}

function answers({ answer }: RequestHistory, status: number, cookie: CookieNews): boolean {
  return !answer || (answer.status === status && answer.cookie === cookie);
}

function nextKey({ number }: RequestHistory, { keys }: Run): string {
  return `${number}/${keys}`;
}
