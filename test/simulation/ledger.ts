import type { Client } from './client.js';
import type { Doubt, Life, Range, Tag } from './life.js';
import { Users } from './model-users.js';
import type { Names } from './names.js';
import type { Known, RequestView } from './request-view.js';
import { TIMEOUT, type Operation, type Options } from './schedule.js';
import type { Scheduler, Thread } from './scheduler.js';

/** Which sessions, ids and requests there are, as far as this can be known. */
export class Ledger {
  readonly problems: string[] = [];
  readonly ids = new Map<string, Known>();
  readonly lives: Life[] = [];
  readonly views: RequestView[] = [];
  readonly users: Users;
  /** A record led to itself: a request that follows it gives up after some steps. */
  hasCircle = false;
  /** Clocks were set: what depends on them may end early. */
  hasClockSteps = false;
  protected readonly tags = new Map<string, Tag>();

  constructor(
    readonly options: Options,
    protected readonly scheduler: Scheduler,
    protected readonly names: Names,
    protected readonly time: () => number,
  ) {
    this.users = new Users(options, this, time);
  }

  get tick(): number {
    return this.scheduler.tick;
  }

  /** Without a fault, nothing may be reported as an outage. */
  get hasFaults(): boolean {
    return this.scheduler.faults.length > 0;
  }

  /** How often something failed while this request was there, or since. */
  faultsOf(view: RequestView): number {
    return this.scheduler.faultsSince(view.startedAt);
  }

  /** Whether the way that an old id leaves may have been taken away while it was under way. */
  isOld(view: RequestView): boolean {
    return this.time() - view.startedTime >= 300_000;
  }

  nameOf(id: string): string {
    return this.names.of(id);
  }

  wrong(problem: string): void {
    this.problems.push(problem);
  }

  begin(
    thread: Thread,
    order: {
      client: Client;
      id: string | undefined;
      operations: readonly Operation[];
      touch: boolean;
    },
  ) {
    const { client, id, operations, touch } = order;
    const view: RequestView = {
      ...{ name: thread.name, thread, client, id, operations, startedAt: this.tick },
      ...{
        startedTime: this.time(),
        isUnseen: !touch && operations.every((one) => ['read', 'wait', 'reload'].includes(one.do)),
        ...{ touch, seenSince: this.tick },
        life: undefined,
        loadedId: undefined,
        ownId: id,
        mayTell: false,
        tags: [],
        read: [],
      },
      ...{
        savesFrom: Infinity,
        doing: undefined,
        doingSince: 0,
        signsIn: undefined,
        answer: undefined,
        error: undefined,
        ...{ endsFrom: 0, movesFrom: 0 },
        isShaken: false,
        isLetOver: false,
        hasFailedToEnd: false,
        isUndone: false,
        isClosed: false,
        isWithdrawn: false,
      },
    };
    this.views.push(view);
    return view;
  }

  /** Whether a request that comes with this id has to find its session. */
  mustBeThere({ life, invalidSince, isPassing }: Known): boolean {
    return life.isCertain && life.moves.size === 0 && invalidSince === Infinity && !isPassing;
  }

  /** Whether the process that began it crashed before a client got any of its ids. */
  isNobodys(life: Life): boolean {
    const begunBy = this.views.find(({ name }) => name === life.begunBy);
    if (!begunBy?.thread.isDead || begunBy.answer) return false;
    // Its process has sent the answer, though its client has gone.
    if (life.user !== undefined && life.undeliveredSince === undefined) return false;
    return ![...this.ids.values()].some((known) => known.life === life && known.isDelivered);
  }

  protected hasSignedIn(request: string): boolean {
    return this.views.some(({ name, signsIn }) => name === request && signsIn !== undefined);
  }

  protected born(view: RequestView, life: Life, id: string): void {
    this.lives.push(life);
    if (view.isShaken) this.shake(life);
    life.begunBy = view.name;
    life.bornAt = this.time();
    if (life.from?.parent.hasDoubt('circle')) life.doubts.set('the circle', 'circle');
    view.life = life;
    for (const tag of view.tags) {
      if (tag.state !== 'pending' || tag.life) continue;
      tag.life = life;
      life.tags.push(tag);
    }
    life.usedFrom = Math.max(life.usedFrom, view.startedTime);
    life.usedUpTo = this.time();
    if (life.initial.lifetime.length === 0) life.initial.lifetime = [exactly(TIMEOUT)];
    this.register(view, id, life);
  }

  protected register(view: RequestView, id: string, life: Life): void {
    const before = this.ids.get(id);
    if (before && before.life !== life)
      this.wrong(`${view.name} has ${this.nameOf(id)}, which is ${before.life.name} already`);
    view.ownId = id;
    view.isLetOver = false;
    const isRequested = ['sign in', 'regenerate', 'confirm'].includes(view.doing ?? '');
    if (life.user !== undefined && isRequested) {
      life.undeliveredSince = view.doingSince;
      life.undeliveredBy = view;
    }
    life.movedAt.push({ by: view.name, at: this.tick });
    // Others may have got it first, because they followed a rotation, and have left it since.
    const { invalidSince = Infinity, isDelivered = false } = before?.isDelivered ? before : {};
    // It may have been led to an id that another request gave, and was not answered with.
    const by = id === view.loadedId && id !== view.id ? undefined : view.name;
    this.ids.set(id, { life, by, invalidSince, isPassing: false, isDelivered });
  }

  /** The id that it came with is invalid from now on. */
  protected invalidate(view: RequestView): void {
    // A request that is let through leaves the id as it is, because others have it.
    const own = view.ownId === undefined ? undefined : this.ids.get(view.ownId);
    const isOthers = view.id !== undefined && view.id !== view.ownId && own?.by !== view.name;
    const isLet = view.isLetOver || isOthers;
    const known = isLet ? this.ids.get(view.id!) : own;
    if (known) known.invalidSince = Math.min(known.invalidSince, this.tick);
  }

  /** What was stored in memory is. */
  lost(): void {
    const { tier } = this.options;
    const underWay = this.views.filter(({ thread, answer }) => !thread.isDead && !answer);
    for (const view of underWay) view.isShaken = true;
    if (tier === 'required' && !this.hasFaults && underWay.length === 0) return;
    for (const life of this.lives) this.shake(life);
  }

  protected shake(life: Life): void {
    life.isLossy = true;
    life.doubts.set('the restart', 'loss');
  }

  doubt(life: Life | undefined, view: RequestView, kind: Doubt): void {
    if (!life) return;
    life.attempts++;
    life.doubts.set(view.name, kind);
  }

  protected undoubt(view: RequestView): void {
    if (!view.life) return;
    view.life.attempts--;
    view.life.doubts.delete(view.name);
  }

  protected lifeName(request: string): string {
    return `the session that ${request} began`;
  }
}

export function exactly(value: number): Range {
  return { min: value, max: value };
}
