import { describe, expect, it } from '@jest/globals';

import { Queue } from '../../src/store/queue.js';

describe('a queue', () => {
  it('returns its items in order', () => {
    const queue = new Queue<number>();
    for (let n = 0; n < 5000; n++) queue.push(n);
    expect(queue.length).toBe(5000);
    for (let n = 0; n < 5000; n++) {
      expect(queue.peek()).toBe(n);
      expect(queue.shift()).toBe(n);
      expect(queue.length).toBe(4999 - n);
    }
    expect([queue.peek(), queue.shift(), queue.length]).toEqual([undefined, undefined, 0]);
  });

  it('keeps the order while it is filled and emptied', () => {
    const queue = new Queue<number>();
    const taken: number[] = [];
    let next = 0;
    for (let turn = 0; turn < 100; turn++) {
      for (let each = 0; each < 70; each++) queue.push(next++);
      for (let each = 0; each < 60; each++) taken.push(queue.shift()!);
    }
    expect(queue.length).toBe(1000);
    expect([...taken, ...queue.takeAll()]).toEqual(Array.from({ length: 7000 }, (_, n) => n));
    expect(queue.length).toBe(0);
    queue.push(1);
    expect(queue.shift()).toBe(1);
  });
});
