/** Hints for unknown option names. */
export type OptionHints = Readonly<Record<string, string>>;

/**
 * The text for an unknown option: its hint, the likely option, or else the names of all.
 */
export function remedyFor(name: string, known: readonly string[], hints: OptionHints = {}): string {
  if (Object.hasOwn(hints, name)) return hints[name]!;
  const meant = nearest(name, known);
  return meant
    ? `there is no such option; did you mean ${meant}?`
    : `there is no such option; the options are ${known.join(', ')}`;
}

/** The option that a typo may have turned into this name. `undefined`: no option is similar, or several are. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const given = plain(name);
  // One typo per four letters.
  const most = Math.max(1, Math.floor(given.length / 4));
  const near = known
    .map((option) => ({ option, slips: slipsBetween(given, plain(option)) }))
    .filter(({ option, slips }) => slips <= most || isShortFor(given, plain(option)))
    .sort((one, other) => one.slips - other.slips);
  const [first, second] = near;
  return first && first.slips !== second?.slips ? first.option : undefined;
}

/** Letters only: `max-bytes`, `MAX_BYTES` and `maxBytes` are the same. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, '');
}

/** `maxSessions`, or `prefix` for `keyPrefix`. */
function isShortFor(given: string, option: string): boolean {
  return given.length >= 5 && (option.startsWith(given) || option.endsWith(given));
}

/** How many letters are added, left out, changed, or swapped with the next one (Damerau–Levenshtein). */
function slipsBetween(one: string, other: string): number {
  const rows = [Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      const isSwapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row[j] = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + (isSame ? 0 : 1),
        i > 1 && j > 1 && isSwapped ? rows[i - 2]![j - 2]! + 1 : Infinity,
      );
    }
    rows.push(row);
  }
  return rows[one.length]![other.length]!;
}
