/** A point that a request waits at until the test lets it pass. */
export class Gate {
  private open!: () => void;
  private arrive!: () => void;
  private readonly opened = new Promise<void>((resolve) => (this.open = resolve));
  /** Resolves when a caller waits. */
  readonly reached = new Promise<void>((resolve) => (this.arrive = resolve));

  pass(): Promise<void> {
    this.arrive();
    return this.opened;
  }

  release(): void {
    this.open();
  }
}
