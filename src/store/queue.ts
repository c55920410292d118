/** First in, first out. Taking an item does not move the others. */
export class Queue<T> {
  private items: (T | undefined)[] = [];
  private first = 0;

  get length(): number {
    return this.items.length - this.first;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** Removes and returns all items, in order. */
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
    // Do not keep taken items referenced: garbage collection would have to copy them.
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
