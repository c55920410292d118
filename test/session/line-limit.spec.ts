import { beforeEach, describe, expect, it } from '@jest/globals';

import { LineLimit } from '../../src/session/line-limit.js';

describe('the line limit', () => {
  let written: string[];
  let time: number;
  let limit: LineLimit;

  beforeEach(() => {
    written = [];
    time = 0;
    limit = new LineLimit(
      (line) => written.push(line),
      () => time,
    );
  });

  it('writes a line once a minute, and then how often it was omitted', () => {
    for (let n = 0; n < 100; n++) limit.add('a');
    expect(written).toEqual(['a']);
    time = 59_999;
    limit.add('a');
    expect(written).toHaveLength(1);
    time = 60_000;
    limit.add('a');
    expect(written).toEqual(['a', 'a (And 100 times more since it was logged last.)']);
    time = 120_000;
    limit.add('a');
    expect(written.at(-1)).toBe('a');
  });

  it('counts lines of one kind together, whatever their text', () => {
    limit.add('a', 'kind');
    limit.add('b', 'kind');
    limit.add('c', 'other kind');
    expect(written).toEqual(['a', 'c']);
    time = 60_000;
    limit.add('d', 'kind');
    expect(written.at(-1)).toBe('d (And 1 times more since it was logged last.)');
  });

  it('writes a line to another function if one is given', () => {
    const elsewhere: string[] = [];
    limit.add('a', 'kind', (line) => elsewhere.push(line));
    limit.add('b', 'kind');
    expect([written, elsewhere]).toEqual([[], ['a']]);
  });
});
