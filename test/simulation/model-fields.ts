import { Ledger, exactly } from './ledger.js';
import type { Field, Life, Range, Tag } from './life.js';
import { pending, type RequestView } from './request-view.js';
import { TIMEOUT } from './schedule.js';

/** A renewal may wait a minute, or as long as the tier's. */
const EARLY_MS = 61_000;
const LATE_SHARE = 1.1;

const CLOCKS_MS = 3_600_000;

/** How long sessions live, and when their users authenticated. */
export class FieldModel extends Ledger {
  /** Time is about to pass: each request since the last time may have renewed its session. */
  isUsed(): void {
    const { active } = this.scheduler;
    const views = this.views.filter(({ thread, isUnseen }) => active.has(thread) && !isUnseen);
    const used = new Set(views.flatMap(({ id, life }) => [life, id && this.ids.get(id)?.life]));
    const isUnseen = [...active].every((one) =>
      this.views.some(({ thread, isUnseen }) => thread === one && isUnseen),
    );
    const isLate = [...active].some(({ name }) => name === 'nobody');
    for (const life of this.lives) {
      // A list or a sign-in stops the unfinished sign-in of another request by a write.
      const isStopped = !isUnseen && life.attempts > 0;
      if (isLate || isStopped || used.has(life)) life.usedUpTo = this.time();
    }
    active.clear();
  }

  /** Time has passed. */
  passes(): void {
    for (const life of this.lives) {
      if (life.over < Infinity) continue;
      this.mayBeOver(life);
      this.mayBeLost(life);
      const { longest } = this.lifetimeOf(life);
      const now = this.time();
      if (now - life.usedUpTo > longest * LATE_SHARE * 1000 + EARLY_MS + this.clocks)
        life.end('ending', 'its time', this.tick, now);
    }
  }

  /** Its time may be over, because no use since then is known. */
  private mayBeOver(life: Life): void {
    const { shortest } = this.lifetimeOf(life);
    const isOver = this.time() - life.usedFrom >= shortest * 1000 - EARLY_MS - this.clocks;
    if (!isOver) return;
    life.doubts.set('its time', 'loss');
    // A copy that is outdated, because the tier could not be reached, may bring it back as it was.
    if (this.options.tier === 'besteffort' && this.hasFaults) life.isLossy = true;
  }

  /** The request that gives it a new id was so slow that nothing leads there any more, so others do not find it. */
  private mayBeLost(life: Life): void {
    for (const view of this.views) {
      const isUnderWay = life.moves.has(view.name) && !view.thread.isDead && !view.answer;
      if (isUnderWay && this.isOld(view)) life.doubts.set(`${view.name} late`, 'late');
    }
  }

  /** By how much they may differ. */
  private get clocks(): number {
    return this.hasClockSteps ? CLOCKS_MS : 0;
  }

  /** Time may have passed since it was stored, before its request knew that. */
  protected override born(view: RequestView, life: Life, id: string): void {
    super.born(view, life, id);
    this.mayBeOver(life);
  }

  private lifetimeOf(life: Life): { shortest: number; longest: number } {
    const all = life.possible('lifetime', this.tick);
    const shortest = Math.min(...all.map(({ min }) => min));
    const longest = Math.max(...all.map(({ max }) => max));
    // The id does not show a lifetime that was given after it, so that the next read renews to the timeout.
    const isShown = !life.tags.some(({ field }) => field === 'lifetime');
    // What renews a session to a time of its own is a second command, which can fail.
    if (isShown && !this.hasFaults) return { shortest, longest };
    const shortestOfAll = this.hasFaults ? Math.min(shortest, TIMEOUT) : shortest;
    return { shortest: shortestOfAll, longest: Math.max(longest, TIMEOUT) };
  }

  /** Whether a response may carry a new id that no request asked for. */
  protected mayRotate(life: Life): boolean {
    if (this.options.rotateEvery !== false) return true;
    return life.possible('lifetime', 0).some(({ max }) => max !== TIMEOUT);
  }

  /** A request gives its session a value. */
  protected sets(view: RequestView, field: Field, value: Range): Tag {
    const tag: Tag = {
      name: `${view.name} ${field} ${view.tags.length}`,
      entry: field,
      field,
      value,
      life: view.life,
      storedFrom: view.isClosed ? this.tick : Infinity,
      state: 'pending',
      storedAt: Infinity,
    };
    view.tags.push(tag);
    view.life?.tags.push(tag);
    return tag;
  }

  setsLifetime(view: RequestView, seconds: number): void {
    this.sets(view, 'lifetime', exactly(seconds));
  }

  /** What it begins with behind a border that is no sign-in. */
  protected inheritFields(life: Life, parent: Life, { startedAt }: RequestView): void {
    for (const field of ['lifetime', 'signedInAt'] as const)
      life.initial[field] = parent.possible(field, startedAt);
  }

  protected checkField(view: RequestView, field: Field, seen: number | undefined): void {
    const { life } = view;
    if (life && !life.isKnown) return;
    const own = pending(view).findLast((tag) => tag.field === field);
    const nobodys = field === 'lifetime' ? [exactly(TIMEOUT)] : [];
    const possible = own ? [own.value!] : (life?.possible(field, view.seenSince) ?? nobodys);
    if (seen === undefined && possible.length === 0) return;
    if (possible.some(({ min, max }) => min <= Number(seen) && Number(seen) <= max)) return;
    const all = possible.map(({ min, max }) => `${min} to ${max}`).join(', ');
    this.wrong(
      `${view.name} sees the ${field} ${String(seen)} in ${life?.name ?? 'a new session'}, not ${all}`,
    );
  }
}
