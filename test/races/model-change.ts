/** A session's entries as the model keeps them. */
export type Entries = Readonly<Record<string, unknown>>;

/** One change of one entry, or of all. Data, so that two states of the model can be compared. */
export type Change =
  | { readonly set: string; readonly to: unknown }
  | { readonly delete: string }
  | { readonly increment: string; readonly by: number }
  | { readonly append: string; readonly tag: string }
  | 'clear';

export function apply(entries: Entries, change: Change): Entries {
  if (change === 'clear') return {};
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
  return Object.fromEntries(Object.entries(entries).filter(([key]) => keeps(key)));
}

export function listWith(list: unknown, tag: string): unknown[] {
  return [...((list as unknown[] | undefined) ?? []), tag];
}
