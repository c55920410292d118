/** Runs a request's operations one after another: a parallel save and rotation would conflict. */
export class OperationQueue {
  private last: Promise<void> | undefined;

  get isIdle(): boolean {
    return this.last === undefined;
  }

  /** Runs the operation after all earlier ones have settled. */
  run<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.last ? this.last.then(operation) : operation();
    const settled: Promise<void> = result.then(
      () => this.release(settled),
      () => this.release(settled),
    );
    this.last = settled;
    return result;
  }

  private release(settled: Promise<void>): void {
    if (this.last === settled) this.last = undefined;
  }
}
