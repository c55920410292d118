import {
  SessionConflictError,
  SessionDestroyedError,
  SessionError,
  SessionLimitError,
  SessionStoreError,
} from '../../src/session/errors.js';
import { Life, type Tag } from './life.js';
import { ReadModel } from './model-reads.js';
import { pending, type RequestView } from './request-view.js';

/** What requests store, and which results they get. */
export class WriteModel extends ReadModel {
  couldNotLoad(view: RequestView, error: unknown): void {
    this.mayFail(view, 'could not load the session', error);
  }

  wrote(view: RequestView, name: string, entry: string): void {
    const tag: Tag = {
      name,
      entry,
      life: view.life,
      storedFrom: view.isClosed ? this.tick : Infinity,
      state: 'pending',
      storedAt: Infinity,
    };
    this.tags.set(name, tag);
    view.tags.push(tag);
    view.life?.tags.push(tag);
  }

  /** Waits for it, and reports an error before it is thrown again. */
  async outcomeOf<T>(work: Promise<T>, told: (error: unknown) => void): Promise<T> {
    try {
      return await work;
    } catch (error) {
      told(error);
      throw error;
    }
  }

  /** Its connection is closed: its changes are stored at any moment from now on. */
  closes(view: RequestView): void {
    view.isClosed = true;
    for (const tag of pending(view)) tag.storedFrom = Math.min(tag.storedFrom, this.tick);
  }

  saves(view: RequestView): void {
    this.commitBegins(view);
  }

  didNotReload(view: RequestView, error: unknown): void {
    if (error instanceof SessionDestroyedError) this.isGone(view);
    else this.mayFail(view, 'could not reload', error);
  }

  didNotSave(view: RequestView, error: unknown): void {
    if (error instanceof SessionDestroyedError) this.isGone(view);
    else this.mayFail(view, 'could not save', error);
  }

  commitBegins(view: RequestView): void {
    view.savesFrom = this.tick;
    for (const tag of pending(view)) tag.storedFrom = Math.min(tag.storedFrom, this.tick);
    if (view.life && this.mayRotate(view.life)) view.life.moves.add(view.name);
  }

  /** A commit, or a save, that did not fail. */
  committed(
    view: RequestView,
    { isStored, isGone, id }: { isStored: boolean; isGone: boolean; id: string },
  ): void {
    if (isGone) return this.isGone(view, id);
    const { life } = view;
    if (!isStored) return;
    if (!life) this.born(view, new Life(this.lifeName(view.name), undefined), id);
    else if (id !== view.ownId) this.rotated(view, life, id);
    life?.moves.delete(view.name);
    const stored = pending(view);
    // A request that looks for it in a circle gives up, and ends nothing that requests in flight have.
    const isOver = life && life.over < view.savesFrom && !life.hasDoubt('circle');
    if (isOver && stored.length > 0 && !view.isClosed) {
      this.wrong(
        `${view.name} stored ${stored.map(({ name }) => name).join()} in ${life.name}, which was over`,
      );
    }
    for (const tag of stored) this.isStored(view, tag);
  }

  protected isStored(view: RequestView, tag: Tag): void {
    if (!tag.field) view.read.push(tag);
    tag.state = 'stored';
    tag.storedAt = this.tick;
  }

  /** `id`: the last id of its session. */
  protected isGone(view: RequestView, id = view.ownId): void {
    const { life } = view;
    if (life?.isKnown && life.isCertain && life.moves.size <= (life.moves.has(view.name) ? 1 : 0)) {
      if (!this.isOld(view) && !this.hasClockSteps)
        this.wrong(`${view.name} found ${life.name} gone, which is there`);
    }
    // It had a new id, with what this request changed, which others may have seen, and kept, until then.
    const hasMoved = id !== view.ownId && id !== view.loadedId;
    for (const tag of pending(view)) tag.state = hasMoved ? 'unknown' : 'dropped';
  }

  /** Whether another request has got an id of it since this one got its own. */
  protected hasNewIdByOthers(view: RequestView, life: Life): boolean {
    return life.movedAt.some(
      ({ by, at }) => by !== view.name && (view.isLetOver || at > view.startedAt),
    );
  }

  protected rotated(view: RequestView, life: Life, id: string): void {
    const old = view.ownId === undefined ? undefined : this.ids.get(view.ownId);
    if (old) old.isPassing = true;
    if (!this.mayRotate(life)) this.wrong(`${view.name} got a new id that nobody asked for`);
    view.mayTell = true;
    // A request that was let through meanwhile has asked for one, too, and continues beside it.
    if (this.hasNewIdByOthers(view, life)) life.isSplit = life.isLossy = true;
    if (life.endedBy?.kind === 'border' && view.savesFrom < life.over) life.fork();
    this.register(view, id, life);
  }

  /** A request failed with this error, in its handler or at its commit. */
  failed(view: RequestView, error: unknown): void {
    view.error = error;
    const isTold = error instanceof SessionDestroyedError || error instanceof SessionLimitError;
    if (isTold || isNobody(error)) return;
    this.mayFail(view, 'failed', error);
  }

  /** Its commit failed. */
  couldNotCommit(view: RequestView, error: unknown): void {
    this.failed(view, error);
    if (this.faultsOf(view) > 1) this.users.loseMoved(view);
    for (const tag of pending(view)) tag.state = 'unknown';
  }

  protected mayFail(view: RequestView, what: string, error: unknown): void {
    if (error instanceof SessionDestroyedError) return this.isGone(view);
    if (error instanceof SessionConflictError) return;
    if (isTooLate(error) && view.client.hasMissedAnswer) return;
    if (!(error instanceof SessionStoreError))
      return this.wrong(`${view.name} ${what}: ${String(error)}`);
    if (!this.hasFaults)
      this.wrong(`${view.name} ${what}, though nothing failed: ${String(error.cause)}`);
  }
}

/** No user is signed in who could confirm it. */
export function isNobody(error: unknown): boolean {
  return error instanceof SessionError && error.code === 'SESSION_NOBODY';
}

/** No client can be given an id any more, so nothing was done. */
export function isTooLate(error: unknown): boolean {
  return error instanceof SessionError && error.code === 'SESSION_RESPONSE_BEGUN';
}
