import { Life } from './life.js';
import { BorderModel } from './model-borders.js';
import { pending, type RequestView } from './request-view.js';

/**
 * What has to hold. It is informed of everything that requests do and see. Each class adds a subject to the one
 * before.
 */
export class Model extends BorderModel {
  revokes(view: RequestView, user: string): void {
    this.users.revokes(view, user);
  }

  revoked(view: RequestView, user: string): void {
    this.users.revoked(view, user);
  }

  listed(user: string, count: number): void {
    this.users.listed(user, count);
  }

  /** What the answer sends to its client. */
  responds(view: RequestView, status: number, told: string | undefined): void {
    view.doing = undefined;
    // Also if it continued on behalf of another request, for which it had waited.
    if (view.life && !view.isUnseen) view.life.usedUpTo = this.time();
    if (told === undefined || told === 'over') return;
    const known = this.ids.get(told);
    if (known && known.life !== view.life) {
      return this.wrong(
        `${view.name} tells ${this.nameOf(told)} of ${known.life.name}, which is not its own`,
      );
    }
    if (view.mayTell || (view.life && this.mayRotate(view.life))) return;
    this.wrong(`${view.name} tells ${this.nameOf(told)}, an id that it must not learn`);
  }

  /** Its client disconnected before it could get the id of its session. */
  withdraws(view: RequestView): void {
    const { life } = view;
    if (!life || (view.signsIn ?? life.user) === undefined) return;
    life.doubts.set(view.name, 'ending');
    view.isWithdrawn = true;
    if (this.faultsOf(view) === 0) view.answer = { told: undefined };
  }

  delivered(view: RequestView, told: string | undefined): void {
    view.answer = { told };
    if (told === undefined || told === 'over') return;
    if (!this.ids.has(told)) {
      const life = new Life(`what ${view.name} left`, view.signsIn ?? view.life?.user);
      life.isKnown = false;
      life.doubts.set(view.name, 'loss');
      this.ids.set(told, {
        ...{ life, by: view.name },
        invalidSince: Infinity,
        isPassing: false,
        isDelivered: true,
      });
    }
    this.ids.get(told)!.isDelivered = true;
  }

  /** Its process is gone, and its result is unknown. */
  crashed(view: RequestView): void {
    for (const tag of pending(view)) tag.state = 'unknown';
    if (view.doing !== undefined) this.users.crashed(view);
  }
}
