import {
  SessionConflictError,
  SessionDestroyedError,
  SessionLimitError,
} from '../../src/session/errors.js';
import type { Seen } from './handler.js';
import { goesOn, keeps, Life, type Range, type Tag } from './life.js';
import { isNobody, isTooLate, WriteModel } from './model-writes.js';
import { exactly } from './ledger.js';
import { pending, type RequestView } from './request-view.js';
import { LONGEST, TIMEOUT, type Keep } from './schedule.js';

/** How long a sign-in may take before other requests may undo it, in milliseconds. */
const RESERVED_MS = 5_000;

/** How long an old id leads to the new one, in milliseconds. */
const FORWARDER_MS = 300_000;

interface SignIn {
  readonly user: string;
  readonly keep: Keep;
  readonly remember?: number | true | undefined;
}

/** What cuts requests off, and what lets them follow. */
export class BorderModel extends WriteModel {
  ends(view: RequestView): void {
    view.endsFrom = this.tick;
    this.doubt(view.life, view, 'ending');
    if (view.life?.user !== undefined) this.endsOthers(view, view.life.signIn);
  }

  failedToEnd(view: RequestView, error: unknown): void {
    view.hasFailedToEnd = true;
    this.mayFail(view, 'could not end the session', error);
  }

  ended(view: RequestView): void {
    const { life } = view;
    // An anonymous session has no list of its ids, by which the other one could be ended; and
    // the way from one to the next is there for 300 s.
    // With a tier, a restart in between hides it as well.
    const isLate = this.isOld(view) || view.isShaken;
    const isLeft = life && isLate && this.getsNewIdByOthers(view, life);
    const isForked =
      life?.isSplit || life?.hasDoubt('fork') || life?.hasDoubt('late') || life?.hasDoubt('circle');
    if (life && life.user === undefined && (isForked || isLeft)) {
      if (!this.isCopied(life)) this.invalidate(view);
      life.doubts.set(view.name, 'fork');
      // A request that another border cut off ends nothing of the session beside that; its doubt stays.
    } else if (life?.hasDoubt('fork')) this.invalidate(view);
    else life?.end('ending', view.name, this.tick, this.time());
    for (const tag of pending(view)) tag.state = 'dropped';
    view.life = undefined;
    view.ownId = undefined;
    view.read = [];
    view.mayTell = true;
  }

  moves(view: RequestView, keep: Keep): void {
    view.mayTell = true;
    view.movesFrom = this.tick;
    if (keep === true) view.life?.moves.add(view.name);
    else this.doubt(view.life, view, 'border');
    for (const tag of pending(view)) tag.storedFrom = Math.min(tag.storedFrom, this.tick);
  }

  /** `id`: the present id of its session. */
  didNotMove(view: RequestView, error: unknown, id: string): void {
    if (error instanceof SessionConflictError && !this.hasCircle)
      this.wrong(`${view.name}: a new id is refused: ${error.message}`);
    if (error instanceof SessionDestroyedError) {
      view.isUndone = this.isSlow(view);
      return this.isGone(view, id);
    }
    if (this.faultsOf(view) > 1) this.users.loseMoved(view);
    // After a failure it looks for the way to the new id, which is gone by then.
    view.isUndone = this.time() - view.startedTime >= FORWARDER_MS;
    this.mayFail(view, 'could not regenerate', error);
  }

  moved(view: RequestView, keep: Keep, id: string): void {
    const { life } = view;
    if (!life) {
      for (const tag of pending(view)) if (!goesOn(keep, tag, false)) tag.state = 'dropped';
      return;
    }
    if (life.endedBy?.kind === 'border') {
      // An anonymous session may continue next to it, and so may one of two new ids at once.
      const by = life.endedBy.request;
      if (life.user && life.endedBy.isSignIn && view.movesFrom >= life.over)
        this.wrong(`${view.name} stays signed in beside ${by}, which was a border`);
      return this.passedBorder(view, keep, id, life.user, life);
    }
    if (keep !== true) return this.passedBorder(view, keep, id, life.user, life);
    // Each continues by itself then (docs/architecture.md): their changes are separate.
    // Another request's border came first, or may have: then it continues with what it had read.
    const isCrossed = [...life.doubts].some(
      ([name, kind]) => name !== view.name && ['sign-in', 'border', 'fork'].includes(kind),
    );
    if (isCrossed || this.hasNewIdByOthers(view, life)) life.isSplit = life.isLossy = true;
    this.invalidate(view);
    if (this.isOld(view)) life.doubts.set(`${view.name} late`, 'late');
    life.moves.delete(view.name);
    this.register(view, id, life);
    for (const tag of pending(view)) this.isStored(view, tag);
  }

  /** It gives its session a new id, because its user has authenticated again. */
  confirms(view: RequestView, now: number): void {
    this.moves(view, true);
    this.sets(view, 'signedInAt', { min: now, max: Infinity }).storedFrom = this.tick;
  }

  didNotConfirm(view: RequestView, error: unknown, id: string): void {
    const { life } = view;
    const tag = this.confirmation(view);
    if (!isNobody(error) && !isTooLate(error)) {
      tag.state = 'unknown';
      return this.didNotMove(view, error, id);
    }
    tag.state = 'dropped';
    life?.moves.delete(view.name);
    if (isTooLate(error)) return this.mayFail(view, 'could not confirm', error);
    if (life?.isKnown && life.user !== undefined)
      this.wrong(`${view.name} cannot confirm ${life.name}, as if nobody were signed in`);
  }

  confirmed(view: RequestView, id: string, signedInAt: number | undefined, now: number): void {
    const tag = this.confirmation(view);
    const { min } = tag.value!;
    if (signedInAt === undefined || (!this.hasClockSteps && (signedInAt < min || signedInAt > now)))
      this.wrong(`${view.name} confirms its sign-in at ${now}, and it is ${String(signedInAt)}`);
    tag.value = exactly(signedInAt ?? NaN);
    if (id === view.ownId) this.wrong(`${view.name} confirms its sign-in, and its id stays`);
    this.moved(view, true, id);
  }

  private confirmation(view: RequestView): Tag {
    return pending(view).findLast(({ field }) => field === 'signedInAt')!;
  }

  signsIn(view: RequestView, user: string): void {
    view.mayTell = true;
    view.signsIn = user;
    const isOthers = view.life?.user !== undefined && view.life.user !== user;
    // The session of another user is ended, as by a sign-out.
    this.doubt(view.life, view, isOthers ? 'ending' : 'sign-in');
    if (view.life?.user !== undefined) this.endsOthers(view, view.life.signIn);
    this.users.signsIn(view, user);
    for (const tag of pending(view)) tag.storedFrom = Math.min(tag.storedFrom, this.tick);
  }

  private isSlow({ startedTime }: RequestView): boolean {
    return this.time() - startedTime >= RESERVED_MS;
  }

  didNotSignIn(view: RequestView, user: string, error: unknown): void {
    const { life } = view;
    this.users.didNotSignIn(view, user, error);
    if (error instanceof SessionConflictError && !this.hasCircle)
      this.wrong(`${view.name}: a sign-in is refused: ${error.message}`);
    if (error instanceof SessionLimitError) return this.undoubt(view);
    if (error instanceof SessionDestroyedError) {
      view.isUndone = this.isSlow(view) || this.users.isDoubtful(view);
      const others = [...(life?.doubts ?? [])].filter(([name]) => name !== view.name);
      const isEnded = others.some(([, kind]) => kind !== 'sign-in') || life?.isCertain === false;
      if (!isEnded)
        this.wrong(`${view.name}: a sign-in is refused, as its session is said to be gone`);
      return;
    }
    this.mayFail(view, 'could not sign in', error);
  }

  signedIn(
    view: RequestView,
    { user, keep, remember = TIMEOUT }: SignIn,
    { id, lifetime, signedInAt = NaN }: Seen,
    between: Range,
  ): void {
    const { life } = view;
    const seconds = remember === true ? LONGEST : Number(remember);
    if (lifetime !== seconds)
      this.wrong(`${view.name} signs in for ${seconds} s, and has ${lifetime}`);
    const isThen = signedInAt >= between.min && signedInAt <= between.max;
    if (!isThen && !this.hasClockSteps)
      this.wrong(`${view.name} signs in at ${between.min}, and it is ${signedInAt}`);
    const isOthers = life?.user !== undefined && life.user !== user;
    this.passedBorder(view, isOthers ? false : keep, id, user, isOthers ? undefined : life);
    view.life!.initial = { lifetime: [exactly(seconds)], signedInAt: [exactly(signedInAt)] };
    if (life?.user !== undefined) this.endsOthers(view, life.signIn);
    this.users.signedIn(view, user);
  }

  /** It has ended its session, and continues anonymously with the kept entries. */
  signedOut(view: RequestView, keep: Keep, isStored: boolean, { id, entries }: Seen): void {
    const { life: parent } = view;
    const own = pending(view).filter((tag) => !tag.field && goesOn(keep, tag, false));
    const others = [...(parent?.doubts.keys() ?? [])].filter((name) => name !== view.name);
    const isLeft = parent !== undefined && parent.over === Infinity && others.length === 0;
    const isWhole =
      isLeft && !parent.isSplit && !view.isShaken && !this.getsNewIdByOthers(view, parent);
    const read = parent ? view.read.filter(({ entry }) => keeps(keep, entry)) : [];
    this.ended(view);
    if (parent) this.checkKept(view, keep, entries, parent);
    if (isStored && parent && parent.over < view.endsFrom && !parent.isSplit)
      this.wrong(`${view.name} keeps entries of ${parent.name}, which was over`);
    if (!parent && !isStored) {
      for (const tag of own) tag.state = 'pending';
      return;
    }
    if (!isStored) {
      const missing = isWhole && !this.isOld(view) ? [...read, ...own] : [];
      if (missing.length > 0 && !parent!.isLossy)
        this.wrong(`${view.name} signs out, and keeps none of ${missing[0]!.name}`);
      return;
    }
    const from = parent && {
      ...{ parent, keep, at: this.tick, isSignIn: false },
      inherits: isWhole ? read : [],
      isWhole,
    };
    const next = new Life(this.lifeName(view.name), undefined, from);
    for (const tag of own) {
      tag.life = next;
      next.tags.push(tag);
      tag.storedFrom = this.tick;
      this.isStored(view, tag);
      if (!isWhole) tag.state = 'unknown';
    }
    view.read.push(...read);
    this.born(view, next, id);
  }

  private checkKept(view: RequestView, keep: Keep, entries: Seen['entries'], parent: Life): void {
    for (const entry of Object.keys(entries)) {
      if (!keeps(keep, entry)) this.wrong(`${view.name} keeps ${entry} of ${parent.name}`);
    }
  }

  /** A request that ends it, or signs in again, may also end the sessions that new ids made of it at that moment. */
  private endsOthers(view: RequestView, signIn: Life): void {
    for (const life of this.lives) {
      if (life.signIn === signIn && life !== view.life)
        life.doubts.set(`${view.name} again`, 'user');
    }
  }

  /** The old session is over, and another one begins, with what it keeps. */
  protected passedBorder(
    view: RequestView,
    keep: Keep,
    id: string,
    user: string | undefined,
    parent: Life | undefined,
  ): void {
    const { life } = view;
    const own = pending(view);
    const isBeside = life?.endedBy?.kind === 'border';
    const isForked = life !== undefined && this.crossFrom(view, life);
    const mayGoOn = parent !== undefined && !parent.mayHaveEnded;
    // Beside a session that has another id by now it continues with what it had read.
    const isWhole = mayGoOn && !isForked && !isBeside && !this.isOld(view);
    // The session that it read may have moved, and its old id no longer leads there; or the session has expired.
    const inherits =
      mayGoOn && !this.isOld(view) ? view.read.filter((tag) => keeps(keep, tag.entry)) : [];
    view.read = [...inherits];
    const from = parent && {
      parent,
      keep,
      at: this.tick,
      inherits,
      isWhole,
      isSignIn: view.doing === 'sign in',
    };
    const next = new Life(this.lifeName(view.name), user, from);
    const isSignIn = view.doing === 'sign in';
    if (parent && !isSignIn) this.inheritFields(next, parent, view);
    // A sign-out ends all that new ids have made of the session.
    if (life?.user !== undefined && life.mayHaveEnded && !isSignIn)
      next.doubts.set(`${view.name} beside an end`, 'user');
    if (this.isOld(view)) next.doubts.set(`${view.name} late`, 'late');
    for (const [name, kind] of life?.doubts ?? []) {
      if (life?.user !== user) continue;
      if (kind === 'user' || kind === 'crowded') next.doubts.set(name, kind);
      // A request that signs in again ends what new ids at the same moment make of the session.
      if (kind === 'sign-in' && name !== view.name) next.doubts.set(`${name} again`, 'user');
    }
    if (life?.endedBy?.isSignIn && life.user === user)
      next.doubts.set(`${life.endedBy.request} again`, 'user');
    for (const tag of own) {
      if (!goesOn(keep, tag, isSignIn)) tag.state = 'dropped';
      else {
        tag.life = next;
        next.tags.push(tag);
        // What was changed in a session that had ended is dropped with it.
        if (life && (parent?.mayHaveEnded || this.isOld(view))) tag.state = 'unknown';
        else this.isStored(view, tag);
      }
    }
    this.born(view, next, id);
  }

  /** The same, or it is about to. */
  private getsNewIdByOthers(view: RequestView, life: Life): boolean {
    const isMoving = [...life.moves].some((name) => name !== view.name);
    return isMoving || this.hasNewIdByOthers(view, life);
  }

  /** No request finds the copy of what leads to itself, which comes back when that has run out. */
  private isCopied(life: Life): boolean {
    return life.hasDoubt('circle') && this.options.tier !== 'none';
  }

  /** The session that was left has ended, except for a request that had given it another id by then. */
  protected crossFrom(view: RequestView, life: Life): boolean {
    // A request that another border cut off ends nothing of the session beside that.
    const isCutOff = life.hasDoubt('fork');
    const isEnding = life.doubts.get(view.name) === 'ending' && !life.isSplit && !isCutOff;
    const kind = isEnding ? 'ending' : 'border';
    // A sign-in ends what its user's session becomes elsewhere at that moment.
    const endsAll = view.doing === 'sign in' && life.user !== undefined;
    const isElsewhere = endsAll
      ? this.hasNewIdByOthers(view, life)
      : this.getsNewIdByOthers(view, life);
    const isForked = kind === 'border' && (life.isSplit || isElsewhere);
    if (isForked || this.isCopied(life)) {
      if (!this.isCopied(life)) this.invalidate(view);
      life.doubts.set(view.name, 'fork');
    } else life.end(kind, view.name, this.tick, this.time(), view.doing === 'sign in');
    return isForked;
  }
}
