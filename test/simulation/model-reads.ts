import type { Seen } from './handler.js';
import { FieldModel } from './model-fields.js';
import { pending, type RequestView } from './request-view.js';

/** What requests see: all that was acknowledged, and nothing of another session. */
export class ReadModel extends FieldModel {
  loaded(view: RequestView, isFound: boolean, seen: Seen): void {
    const known = view.id === undefined ? undefined : this.ids.get(view.id);
    if (!isFound) {
      view.mayTell = true;
      view.ownId = undefined;
      if (known && this.mustBeThere(known)) {
        this.wrong(
          `${view.name} was a stranger with ${this.nameOf(view.id!)}, which is ${known.life.name}`,
        );
      }
      if (Object.keys(seen.entries).length > 0)
        this.wrong(`${view.name} sees entries without a session`);
      return;
    }
    if (!known) return this.wrong(`${view.name} found a session by an id that no session has`);
    const { life } = known;
    view.life = life;
    if (view.touch) life.usedFrom = Math.max(life.usedFrom, view.startedTime);
    if (life.over <= view.startedAt) {
      this.wrong(`${view.name} found ${life.name} by ${this.nameOf(view.id!)}, though it was over`);
    }
    if (known.invalidSince <= view.startedAt) {
      this.wrong(`${view.name} found ${life.name} by ${this.nameOf(view.id!)}, an id from before`);
    }
    // Its id was renewed a moment ago, so the old one is still accepted.
    view.isLetOver = known.isPassing && this.ids.get(seen.id)?.life === life;
    if (view.isLetOver) view.ownId = seen.id;
    this.sees(view, seen);
    view.loadedId = seen.id;
    view.read = tagsIn(seen.entries).flatMap((name) => this.tags.get(name) ?? []);
    if (!life.isKnown) return;
    for (const tag of life.mustHave(view.startedAt)) {
      if (view.read.includes(tag)) continue;
      this.wrong(
        `${view.name} read ${life.name}: ${tag.name} is missing, though it was acknowledged`,
      );
    }
  }

  /** It reads its session again. */
  reloads(view: RequestView): void {
    view.seenSince = this.tick;
  }

  reloaded(view: RequestView, seen: Seen): void {
    const { life, seenSince } = view;
    const found = tagsIn(seen.entries);
    for (const tag of pending(view)) {
      if (!tag.field && !found.includes(tag.name))
        this.wrong(
          `${view.name} reloads ${life?.name ?? 'a new session'}: its own ${tag.name} is gone`,
        );
    }
    this.sees(view, seen);
    if (!life) return;
    if (life.over <= seenSince && !this.isOld(view))
      this.wrong(`${view.name} reloads ${life.name}, though it was over`);
    view.read = found.flatMap((name) => this.tags.get(name) ?? []);
    for (const tag of life.mustHave(seenSince)) {
      if (view.read.includes(tag)) continue;
      this.wrong(
        `${view.name} reloads ${life.name}: ${tag.name} is missing, though it was acknowledged`,
      );
    }
  }

  does(view: RequestView, operation: string): void {
    view.doing = operation;
    view.doingSince = this.time();
  }

  sees(view: RequestView, { id, user, entries, lifetime, signedInAt }: Seen): void {
    const { life } = view;
    if (life && id !== view.ownId && id !== view.loadedId && this.ids.has(id)) {
      this.wrong(`${view.name} learns ${this.nameOf(id)}, which is another request's`);
    }
    if (life?.isKnown && user !== life.user) {
      this.wrong(`${view.name} sees the session of ${user ?? 'nobody'} in ${life.name}`);
    }
    this.checkTags(view, tagsIn(entries), 'sees');
    this.checkField(view, 'lifetime', lifetime);
    this.checkField(view, 'signedInAt', signedInAt);
  }

  updaterSees(view: RequestView, old: unknown): void {
    this.checkTags(view, Array.isArray(old) ? (old as string[]) : [], 'updates');
  }

  protected checkTags(view: RequestView, found: readonly string[], verb: string): void {
    const { life } = view;
    if (life && !life.isKnown) return;
    if (new Set(found).size < found.length)
      this.wrong(`${view.name} ${verb} ${found.join()}: one is there twice`);
    for (const name of found) {
      const tag = this.tags.get(name);
      if (!tag || view.tags.includes(tag)) continue;
      const why = life ? life.whyNot(tag) : 'its own session is a new one';
      if (why)
        this.wrong(`${view.name} ${verb} ${name} in ${life?.name ?? 'a new session'}: ${why}`);
    }
  }
}

/** All tags in what a session holds: in its list, and entries of their own. */
function tagsIn(entries: Record<string, unknown>): string[] {
  return Object.values(entries).flat() as string[];
}
