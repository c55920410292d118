/** Milliseconds within which a line of a kind is written once. */
const INTERVAL = 60_000;

/** Far more kinds than exist, so that a kind from outside could not fill the memory. */
const MAX_KINDS = 200;

/**
 * Limits the lines that clients can cause in the log: one line of each kind a minute; the next one has the
 * number of omitted lines.
 */
export class LineLimit {
  private readonly written = new Map<string, { at: number; leftOut: number }>();

  /** The kinds are a few fixed ones. `monotonic`: milliseconds by a clock that is never set. */
  constructor(
    private readonly write: (line: string) => void,
    private readonly monotonic: () => number = () => performance.now(),
  ) {}

  /** `kind`: by default the line itself. `write`: another function that writes this line. */
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
