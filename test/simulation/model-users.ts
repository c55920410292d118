import { SessionLimitError } from '../../src/session/errors.js';
import type { Life } from './life.js';
import type { Ledger } from './ledger.js';
import type { RequestView } from './request-view.js';
import type { Options } from './schedule.js';

/** How long a session that no client has may count, in milliseconds. */
export const SECONDS = 15_000;

/** As long as a list waits for the answer with a new id, in milliseconds. */
const DELIVERY_MS = 10_000;

interface SignIn {
  readonly view: RequestView;
  readonly user: string;
  /** `lost`: two failures of one request have left a session under an id that no client has. */
  state: 'under way' | 'failed' | 'lost' | 'done';
  endedAt: number;
  /** Whether its session may be ended as soon as it is there. */
  isDoubtful: boolean;
}

/** Which users are signed in with which sessions, as far as this can be known. */
export class Users {
  private readonly signIns: SignIn[] = [];
  private readonly revoking = new Map<string, number>();

  constructor(
    private readonly options: Options,
    private readonly model: Ledger,
    private readonly time: () => number,
  ) {}

  private allOf(user: string): Life[] {
    return this.model.lives.filter((life) => life.user === user);
  }

  /** Those that are there, or may be. */
  livesOf(user: string): Life[] {
    return this.model.lives.filter((life) => life.user === user && life.over === Infinity);
  }

  /** What may take a place without being a session that a client has. */
  ghostsOf(user: string, isLongAgo = SECONDS): number {
    const now = this.time();
    return this.signIns.filter(
      (one) =>
        one.user === user &&
        (one.state === 'under way' ||
          one.state === 'lost' ||
          (one.state === 'failed' && now - one.endedAt < isLongAgo)),
    ).length;
  }

  signsIn(view: RequestView, user: string): void {
    this.signIns.push({
      view,
      user,
      state: 'under way',
      endedAt: Infinity,
      isDoubtful: this.isRevoking(user),
    });
    this.doubtUndelivered(user);
    this.makeRoom(view, user);
  }

  signedIn(view: RequestView, user: string): void {
    const life = view.life!;
    const isDoubtful = this.underWay(user).some((one) => one.view === view && one.isDoubtful);
    if (isDoubtful) life.doubts.set(`${view.name} as others`, 'crowded');
    this.end(view, 'done');
    this.doubtUndelivered(user);
    this.makeRoom(view, user);
    const { maxSessionsPerUser, whenTooMany } = this.options;
    const certain = this.livesOf(user).filter((one) => one.isCertain);
    const count = new Set(certain.map(({ signIn }) => signIn)).size;
    if (maxSessionsPerUser === false || count <= maxSessionsPerUser) return;
    // A program that writes to the store can end a session that exists in the model.
    if (whenTooMany === 'refuse' && !this.model.hasCircle)
      this.model.wrong(`${view.name}: ${user} has one session too many`);
  }

  /** The oldest session may have to end. Which one that is, is decided within the sign-ins. */
  private makeRoom(view: RequestView, user: string): void {
    const { maxSessionsPerUser, whenTooMany } = this.options;
    if (maxSessionsPerUser === false || whenTooMany === 'refuse') return;
    const left = this.allOf(user).filter((life) => life.over < Infinity && this.mayHaveLeft(life));
    const places = this.livesOf(user).length + left.length + this.ghostsOf(user, Infinity);
    if (places <= maxSessionsPerUser) return;
    // A session that continues one that has ended may end as well.
    for (const life of this.allOf(user)) life.doubts.set(`${view.name} for room`, 'user');
    for (const one of this.underWay(user)) one.isDoubtful = true;
  }

  /** Whether its sign-in may be ended by another one as soon as it is there. */
  isDoubtful(view: RequestView): boolean {
    return this.signIns.some((one) => one.view === view && one.isDoubtful);
  }

  didNotSignIn(view: RequestView, user: string, error: unknown): void {
    if (!(error instanceof SessionLimitError)) {
      this.end(view, 'failed');
      return;
    }
    this.end(view, 'done');
    const { maxSessionsPerUser, whenTooMany } = this.options;
    if (whenTooMany !== 'refuse') {
      return this.model.wrong(`${view.name}: a sign-in is refused, though the oldest is to go`);
    }
    const counted = this.mayCount(user, view);
    if (counted < Number(maxSessionsPerUser) && !this.model.hasCircle) {
      this.model.wrong(
        `${view.name}: ${user} is refused with ${counted} of ${String(maxSessionsPerUser)} sessions`,
      );
    }
  }

  /** How many places may be taken at most, for a request that began then. */
  private mayCount(user: string, view: RequestView): number {
    const lives = this.model.lives.filter(
      (life) =>
        life.user === user &&
        !this.isNobodys(life) &&
        (life.over > view.startedAt || this.mayHaveLeft(life)),
    );
    // If its session has ended it signs in anew, and may have failed to free the place of the first try.
    const own = view.life && this.model.faultsOf(view) > 0 ? 1 : 0;
    return lives.length + this.ghostsOf(user) + own;
  }

  /** The request that ended it may have failed to free its place, which is then free within seconds. */
  private mayHaveLeft({ overSince }: Life): boolean {
    return this.model.hasFaults && this.time() - overSince < SECONDS;
  }

  crashed(view: RequestView): void {
    this.end(view, 'failed');
    // The client follows a scheduled rotation for some seconds only, and may have missed them.
    const isRequested = ['sign in', 'regenerate', 'confirm'].includes(view.doing ?? '');
    this.loseMoved(view, isRequested ? 'failed' : 'lost');
  }

  /** A sign-in takes the place of a session that no client has, as far as its user's list shows. */
  doubtUndelivered(user: string): void {
    const now = this.time();
    for (const life of this.livesOf(user)) {
      const { undeliveredSince: since } = life;
      if (since === undefined || (now - since < DELIVERY_MS && !this.model.hasClockSteps)) continue;
      life.doubts.set(`${life.begunBy} as one that no client has`, 'user');
    }
  }

  passes(): void {
    const users = this.signIns.filter(({ state }) => state === 'under way');
    for (const { user } of users) this.doubtUndelivered(user);
  }

  /** Its user's list knows that it was answered. */
  isRecorded(view: RequestView): void {
    for (const life of this.model.lives)
      if (life.undeliveredBy === view) life.undeliveredSince = undefined;
  }

  /** Whether its process crashed long ago, before a client got its id. */
  private isNobodys(life: Life): boolean {
    return this.model.isNobodys(life) && this.time() - life.bornAt >= SECONDS;
  }

  /** A session that was about to get a new id may have one that no client knows. */
  loseMoved(view: RequestView, state: 'failed' | 'lost' = 'lost'): void {
    const { life } = view;
    if (!life?.user || !(life.moves.has(view.name) || life.doubts.has(view.name))) return;
    const lost = { state, endedAt: this.time(), isDoubtful: true };
    this.signIns.push({ view, user: life.user, ...lost });
  }

  revokes(view: RequestView, user: string): void {
    this.revoking.set(user, (this.revoking.get(user) ?? 0) + 1);
    for (const life of this.allOf(user)) life.doubts.set(`${view.name} revokes`, 'user');
    for (const one of this.underWay(user)) one.isDoubtful = true;
    this.revokedFrom.set(view, this.livesOf(user));
  }

  revoked(view: RequestView, user: string): void {
    this.revoking.set(user, this.revoking.get(user)! - 1);
    for (const life of this.revokedFrom.get(view) ?? []) {
      // The list that named it may be lost, or it may have been taken off before.
      if (life.isLossy || life.hasDoubt('crowded')) life.doubts.set(`${view.name} revokes`, 'user');
      else life.end('ending', view.name, this.model.tick, this.time());
    }
    if (view.life && view.life.over < Infinity)
      view.life.doubts.set(`${view.name} revokes`, 'user');
  }

  private readonly revokedFrom = new Map<RequestView, Life[]>();

  listed(user: string, count: number): void {
    const { maxSessionsPerUser } = this.options;
    if (maxSessionsPerUser !== false && count > maxSessionsPerUser) {
      this.model.wrong(`${user} has ${count} sessions of ${maxSessionsPerUser}`);
    }
  }

  private isRevoking(user: string): boolean {
    return (this.revoking.get(user) ?? 0) > 0;
  }

  private underWay(user: string): SignIn[] {
    return this.signIns.filter((one) => one.user === user && one.state === 'under way');
  }

  private end(view: RequestView, state: SignIn['state']): void {
    for (const one of this.signIns) {
      if (one.view !== view || one.state !== 'under way') continue;
      one.state = state;
      one.endedAt = this.time();
    }
  }
}
