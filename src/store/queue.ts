/** First in, first out, without moving what is left each time that something is taken. */
export class Queue<T> {
  private items: (T | undefined)[] = [];
  private first = 0;

  get length(): number {
    return this.items.length - this.first;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** All that is left, the first one first. */
  takeAll(): T[] {
    const items = this.items.slice(this.first) as T[];
    this.items = [];
    this.first = 0;
    return items;
  }

  peek(): T | undefined {
    return this.items[this.first];
  }

  shift(): T | undefined {
    const item = this.items[this.first];
    if (item === undefined) return undefined;
    // What was taken must not live on here: garbage collection would copy all that it holds.
    this.items[this.first++] = undefined;
    if (this.first === this.items.length) {
      this.items = [];
      this.first = 0;
    } else if (this.first >= 1024 && this.first * 2 >= this.items.length) {
      this.items.splice(0, this.first);
      this.first = 0;
    }
    return item;
  }
}
