/** A browser: which of the ids that it receives it keeps. */
export class Client {
  /** All ids that it has received, the newest last. */
  readonly ids: string[] = [];
  /** What it sends: the id in the last answer that reached it with one. */
  id: string | undefined;
  /** Whether an answer did not reach it: then it is unknown which id it must have. */
  hasMissedAnswer = false;

  constructor(readonly name: string) {}

  /** An id; `'over'`: the cookie is cleared. */
  receive(news: string | undefined): void {
    if (news === undefined) return;
    if (news === 'over') this.id = undefined;
    else {
      this.id = news;
      this.ids.push(news);
    }
  }

  /** 0: as it is; 1: the one before it. */
  idBack(back: number): string | undefined {
    if (back === 0) return this.id;
    return this.ids.at(-1 - back) ?? this.id;
  }
}
