import { isDeepStrictEqual } from 'node:util';

/** A session's entries as the model keeps them. */
export type Entries = Readonly<Record<string, unknown>>;

/** The entries, and the signed-in user, which no change of an entry affects. */
export const USER = '@user';

export interface ModelUser {
  readonly name: string;
  /** Distinguishes the session from the user's other ones, through every new id. */
  readonly handle: string;
}

/** The entries as a client sees them. */
export function shown(entries: Entries): Entries {
  const user = entries[USER] as ModelUser | undefined;
  return user ? { ...entries, [USER]: user.name } : entries;
}

/** One change of one entry, or of all. Data, so that two states of the model can be compared. */
export type Change =
  | { readonly set: string; readonly to: unknown }
  | { readonly delete: string }
  | { readonly increment: string; readonly by: number }
  | { readonly append: string; readonly tag: string }
  | 'clear';

export function apply(entries: Entries, change: Change): Entries {
  if (change === 'clear') return keepOnly(entries, () => false);
  if ('set' in change) return { ...entries, [change.set]: change.to };
  if ('delete' in change) return keepOnly(entries, (key) => key !== change.delete);
  if ('increment' in change) {
    const old = (entries[change.increment] ?? 0) as number;
    return { ...entries, [change.increment]: old + change.by };
  }
  return { ...entries, [change.append]: listWith(entries[change.append], change.tag) };
}

export function applyAll(entries: Entries, changes: readonly Change[]): Entries {
  return changes.reduce(apply, entries);
}

export function keepOnly(entries: Entries, keeps: (key: string) => boolean): Entries {
  return Object.fromEntries(Object.entries(entries).filter(([key]) => key === USER || keeps(key)));
}

export function listWith(list: unknown, tag: string): unknown[] {
  return [...((list as unknown[] | undefined) ?? []), tag];
}

/** Without those that left an entry as it was `before`: they are no changes. */
export function effective(changes: readonly Change[], before: Entries, after: Entries): Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (changes.includes('clear')) return [...changes];
  const counted = new Set(changes.flatMap((one) => (isCounted(one) ? [keyOf(one)] : [])));
  const isSame = (key: string) => isDeepStrictEqual(before[key], after[key]);
  return changes.filter((one) => counted.has(keyOf(one)) || !isSame(keyOf(one)));
}

/** Applied again to newer entries, whatever its result on these. */
function isCounted(change: Change): boolean {
  return change !== 'clear' && ('increment' in change || 'append' in change);
}

function keyOf(change: Change): string {
  if (change === 'clear') return '';
  if ('set' in change) return change.set;
  if ('delete' in change) return change.delete;
  return 'increment' in change ? change.increment : change.append;
}
