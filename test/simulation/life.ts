import type { Keep } from './schedule.js';

/**
 * Why a session may have ended. `user`: an act ended all sessions of its user. `crowded`: other sign-ins of its user,
 * while it began, may have taken its place. `loss`: the server lost it. `late`: it moved when its old id no longer led to
 * the new one. `circle`: its record leads to itself. `fork`: a request continued from an id that the session had left.
 */
export type Doubt =
  'ending' | 'user' | 'crowded' | 'sign-in' | 'border' | 'loss' | 'late' | 'circle' | 'fork';

/** What a session has besides its entries: seconds, and milliseconds since 1970. */
export type Field = 'lifetime' | 'signedInAt';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** One change that a request made: a value of its own, in an entry; or a value of a field. */
export interface Tag {
  readonly name: string;
  readonly entry: string;
  readonly field?: Field;
  value?: Range;
  /** The session of the change. Absent: it is not stored yet. */
  life: Life | undefined;
  /** The moment when storing it began. */
  storedFrom: number;
  /** `dropped`: its request got an error, or could know, that it was not stored. */
  state: 'pending' | 'stored' | 'unknown' | 'dropped';
  /** When its request knew that it was stored. */
  storedAt: number;
}

/**
 * A session as the promises have it: from its beginning, through every new id that requests follow, to
 * its end or to a border. The session behind a border is another one, its child.
 */
export class Life {
  readonly tags: Tag[] = [];
  /** What its fields may have been when it began. */
  initial: Record<Field, Range[]> = { lifetime: [], signedInAt: [] };
  /** By the clock: when it was certainly used, and when it may have been. */
  usedFrom = 0;
  usedUpTo = 0;
  /** Why it may have ended although no client knows it: requests whose act is in progress, or failed. */
  readonly doubts = new Map<string, Doubt>();
  /** Requests that give it a new id, or failed to. */
  readonly moves = new Set<string>();
  /** The moment from which no request may find it any more. */
  over = Infinity;
  /** The same by the clock. */
  overSince = Infinity;
  /** Whether its content can be known. */
  isKnown = true;
  /** Whether an acknowledged change may be missing, as stores were lost. */
  isLossy = false;
  begunBy = '';
  /** By the clock. */
  bornAt = 0;
  /** When it got its ids, and by which requests. */
  readonly movedAt: { readonly by: string; readonly at: number }[] = [];
  /** The request that ended it. */
  endedBy:
    | {
        readonly kind: 'ending' | 'border';
        readonly request: string;
        readonly isSignIn: boolean;
      }
    | undefined;
  /** Whether two requests gave it a new id at the same time: it is two sessions from then on. */
  isSplit = false;
  /** The time from which its user's list may count it as a session that no client has. */
  undeliveredSince: number | undefined;
  /** Whose answer that waits for. */
  undeliveredBy: { readonly answer: { readonly told: string | undefined } | undefined } | undefined;
  /** How often a request tried to end it, or to continue behind a border. */
  attempts = 0;

  constructor(
    readonly name: string,
    readonly user: string | undefined,
    /** The session that it continues, from when on, and with which entries. */
    readonly from?: {
      readonly parent: Life;
      readonly keep: Keep;
      readonly at: number;
      /** What it must have: the request had read it, or changed it. */
      readonly inherits: readonly Tag[];
      /** Whether everything that was acknowledged until then is in it, too. */
      readonly isWhole: boolean;
      /** Whether a user signed in; otherwise it is the same sign-in. */
      readonly isSignIn: boolean;
    },
  ) {}

  end(
    kind: 'ending' | 'border',
    request: string,
    tick: number,
    time: number,
    isSignIn = false,
  ): void {
    // Next to a border that seemed to come first: it is unknown which of them ended it.
    if (kind === 'border' || this.over === Infinity) this.doubts.delete(request);
    if (this.over < Infinity) return;
    this.over = tick;
    this.overSince = time;
    this.endedBy = { kind, request, isSignIn };
  }

  /** It continues beside the border that seemed to end it, under an id that was sent before. */
  fork(): void {
    this.doubts.set(this.endedBy!.request, 'fork');
    this.over = this.overSince = Infinity;
    this.endedBy = undefined;
  }

  /** Whether no request can have ended it, so that its entries stay in the sessions that follow it. */
  get mayHaveEnded(): boolean {
    const kinds = [...this.doubts.values()];
    return (
      this.endedBy?.kind === 'ending' || kinds.some((kind) => kind !== 'sign-in' && kind !== 'fork')
    );
  }

  /** The sign-in that it counts as for its user: all sessions that new ids made of one sign-in count as one. */
  get signIn(): Life {
    const { from } = this;
    return from && !from.isSignIn && this.user !== undefined ? from.parent.signIn : this;
  }

  /** Whether it is that session, or behind one of its borders. */
  goesOnFrom(other: Life): boolean {
    return this === other || this.from?.parent.goesOnFrom(other) === true;
  }

  /** Whether anything of this kind happened to it. */
  hasDoubt(kind: Doubt): boolean {
    return [...this.doubts.values()].includes(kind);
  }

  get isCertain(): boolean {
    return this.over === Infinity && this.doubts.size === 0;
  }

  /** Why this tag must not be in it; `undefined`: it may. */
  whyNot(tag: Tag): string | undefined {
    if (tag.state === 'dropped') return 'its request got the answer that it was not stored';
    if (tag.life === this || !tag.life) return tag.life ? undefined : 'it was stored nowhere';
    const { from } = this;
    if (!from) return `it was written to ${tag.life.name}`;
    if (!keeps(from.keep, tag.entry))
      return `${this.name} keeps no such entry of ${from.parent.name}`;
    if (tag.life === from.parent && tag.storedFrom > from.at) {
      return `it was written to ${tag.life.name} when that was over`;
    }
    return from.parent.whyNot(tag);
  }

  /** What a request that has read it since then must see. */
  mustHave(since: number): Tag[] {
    if (!this.isKnown || this.isLossy) return [];
    const own = this.tags.filter(
      (tag) => !tag.field && tag.life === this && tag.state === 'stored' && tag.storedAt < since,
    );
    const { from } = this;
    if (!from || from.parent.isLossy) return own;
    const inherited = from.inherits.filter((tag) => tag.state === 'stored');
    // With one border only, whatever was acknowledged was there before it.
    const isWhole = from.isWhole && from.parent.attempts === 1;
    const more = isWhole ? from.parent.mustHave(Math.min(since, from.at)) : [];
    const all = [...inherited, ...more].filter(({ field }) => !field);
    return [...own, ...all.filter(({ entry }) => keeps(from.keep, entry))];
  }

  /** What a request that has read it since then may see in a field. Not all see what was stored after that. */
  possible(field: Field, since: number): Range[] {
    if (field === 'signedInAt' && this.user === undefined) return [];
    const written = this.tags.filter(
      (tag) => tag.field === field && tag.life === this && tag.state !== 'dropped',
    );
    if (this.isLossy) {
      const { isSignIn = true, parent } = this.from ?? {};
      const isSame = !isSignIn && parent?.user === this.user;
      const before = isSame ? parent!.possible(field, since) : [];
      return [...before, ...this.initial[field], ...written.map(({ value }) => value!)];
    }
    const isOverwritten = (at: number): boolean =>
      written.some(({ state, storedFrom, storedAt }) => {
        return state === 'stored' && storedFrom > at && storedAt < since;
      });
    const newest = written.filter(({ storedAt }) => !isOverwritten(storedAt));
    const initial = isOverwritten(-1) ? [] : this.initial[field];
    return [...initial, ...newest.map(({ value }) => value!)];
  }
}

/** Whether a change is kept behind a border. A sign-in sets the fields anew. */
export function goesOn(keep: Keep, { entry, field }: Tag, isSignIn: boolean): boolean {
  return field ? !isSignIn : keeps(keep, entry);
}

export function keeps(keep: Keep, entry: string): boolean {
  return keep === true || (keep !== false && keep.includes(entry as 'list'));
}
