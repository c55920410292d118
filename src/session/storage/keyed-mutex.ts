/** Runs tasks of the same key one after another. */
export class KeyedMutex {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Runs the task after all earlier ones of the key have settled. */
  runExclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(key);
    const task = before ? before.then(work, work) : work();
    this.last.set(key, task);
    const release = () => {
      if (this.last.get(key) === task) this.last.delete(key);
    };
    task.then(release, release);
    return task;
  }
}
