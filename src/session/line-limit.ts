/** Milliseconds within which a line of a kind is written once. */
const INTERVAL = 60_000;

/** Far more than there are; should a kind come from outside after all, it cannot fill the memory. */
const MAX_KINDS = 200;

/**
 * Limits what clients can make a process log: one line of a kind a minute, and the next one with the
 * number of those that were left out.
 */
export class LineLimit {
  private readonly written = new Map<string, { at: number; leftOut: number }>();

  /** The kinds are a few fixed ones. `monotonic`: milliseconds by a clock that nobody sets. */
  constructor(
    private readonly write: (line: string) => void,
    private readonly monotonic: () => number = () => performance.now(),
  ) {}

  /** `kind`: by default the line itself. `write`: if this line is to go elsewhere. */
  add(line: string, kind = line, write = this.write): void {
    const now = this.monotonic();
    const last = this.written.get(kind);
    if (last && now - last.at < INTERVAL) {
      last.leftOut++;
      return;
    }
    if (!last && this.written.size >= MAX_KINDS) this.written.clear();
    this.written.set(kind, { at: now, leftOut: 0 });
    write(
      last?.leftOut ? `${line} (And ${last.leftOut} times more since it was logged last.)` : line,
    );
  }
}
