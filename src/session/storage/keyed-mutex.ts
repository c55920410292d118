/** Lets one at a time work on a key; the others wait in line. */
export class KeyedMutex {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Does the work when all who came before are done, however they ended. */
  runExclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(key);
    const turn = before ? before.then(work, work) : work();
    this.last.set(key, turn);
    const leave = () => {
      if (this.last.get(key) === turn) this.last.delete(key);
    };
    turn.then(leave, leave);
    return turn;
  }
}
