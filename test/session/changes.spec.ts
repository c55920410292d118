import { describe, expect, it } from '@jest/globals';

import { SessionChanges } from '../../src/session/changes.js';
import { SessionValueError } from '../../src/session/errors.js';

const addOne = (old: unknown): unknown => ((old as number | undefined) ?? 0) + 1;

function changes(make: (changes: SessionChanges) => void): SessionChanges {
  const made = new SessionChanges();
  make(made);
  return made;
}

function applied(made: SessionChanges, entries: Record<string, unknown>): Record<string, unknown> {
  const texts = new Map(
    Object.entries(entries).map(([key, value]): [string, string] => [key, JSON.stringify(value)]),
  );
  made.applyTo(texts);
  return Object.fromEntries([...texts].map(([key, json]) => [key, JSON.parse(json) as unknown]));
}

describe('a log of changes', () => {
  it('is empty at first', () => {
    expect(new SessionChanges().isEmpty).toBe(true);
    expect(applied(new SessionChanges(), { a: 1 })).toEqual({ a: 1 });
  });

  it.each<[string, (changes: SessionChanges) => void]>([
    ['set', (log) => log.set('a', '1')],
    ['delete', (log) => log.delete('a')],
    ['update', (log) => log.update('a', addOne)],
    ['clear', (log) => log.clear()],
  ])('is not empty after %s', (_operation, make) => {
    expect(changes(make).isEmpty).toBe(false);
  });

  it('touches no entry but its own', () => {
    const made = changes((log) => {
      log.set('a', '10');
      log.delete('b');
      log.update('c', addOne);
    });
    expect(applied(made, { a: 1, b: 2, c: 3, d: 4, e: 5 })).toEqual({ a: 10, c: 4, d: 4, e: 5 });
  });

  it('applies an update to the present value', () => {
    const made = changes((log) => log.update('visits', addOne));
    expect(applied(made, { visits: 41 })).toEqual({ visits: 42 });
    expect(applied(made, {})).toEqual({ visits: 1 });
  });

  it('applies updates in order, after the value that was set', () => {
    const made = changes((log) => {
      log.set('a', '5');
      log.update('a', (old) => (old as number) * 10);
      log.update('a', addOne);
    });
    expect(applied(made, { a: 1000 })).toEqual({ a: 51 });
  });

  it('forgets the updates of an entry that is set or deleted later', () => {
    const made = changes((log) => {
      log.update('a', () => {
        throw new Error('not called');
      });
      log.set('a', '1');
      log.set('b', '1');
      log.delete('b');
    });
    expect(applied(made, { a: 7, b: 7 })).toEqual({ a: 1 });
  });

  it('sets an entry again that was deleted', () => {
    const made = changes((log) => {
      log.delete('a');
      log.update('a', addOne);
    });
    expect(applied(made, { a: 41 })).toEqual({ a: 1 });
  });

  it('also clears entries of other requests, and keeps entries set after the clear', () => {
    const made = changes((log) => {
      log.set('a', '1');
      log.clear();
      log.set('b', '2');
      log.update('c', addOne);
    });
    expect(applied(made, { a: 5, c: 5, others: 5 })).toEqual({ b: 2, c: 1 });
  });

  it('deletes an entry whose update returns undefined', () => {
    const made = changes((log) => log.update('a', () => undefined));
    expect(applied(made, { a: 1, b: 2 })).toEqual({ b: 2 });
  });

  it('refuses the result of an update if JSON does not keep it', () => {
    const made = changes((log) => log.update('a', (old) => (old as number) / 0));
    expect(() => applied(made, { a: 1 })).toThrow(SessionValueError);
  });

  it('gives the same result when it is applied again', () => {
    const made = changes((log) => {
      log.set('a', '5');
      log.update('a', addOne);
    });
    expect(applied(made, {})).toEqual({ a: 6 });
    expect(applied(made, {})).toEqual({ a: 6 });
  });
});

describe('a later log appended to an earlier one', () => {
  const both = (
    first: (changes: SessionChanges) => void,
    later: (changes: SessionChanges) => void,
  ): SessionChanges => {
    const log = changes(first);
    log.append(changes(later));
    return log;
  };

  it('keeps the entries of both', () => {
    const log = both(
      (first) => first.set('a', '1'),
      (later) => later.set('b', '2'),
    );
    expect(applied(log, {})).toEqual({ a: 1, b: 2 });
  });

  it('wins where it sets or deletes', () => {
    const log = both(
      (first) => (first.set('a', '1'), first.update('b', addOne)),
      (later) => (later.set('a', '2'), later.delete('b')),
    );
    expect(applied(log, { b: 1 })).toEqual({ a: 2 });
  });

  it('updates the result of the earlier one', () => {
    const log = both(
      (first) => (first.set('a', '1'), first.update('b', addOne)),
      (later) => (later.update('a', addOne), later.update('b', addOne)),
    );
    expect(applied(log, { b: 1 })).toEqual({ a: 2, b: 3 });
  });

  it('does not repeat an update before a set', () => {
    const log = both(
      (first) => first.update('a', addOne),
      (later) => (later.set('a', '10'), later.update('a', addOne)),
    );
    expect(applied(log, { a: 1 })).toEqual({ a: 11 });
  });

  it('clears the earlier one, too', () => {
    const log = both(
      (first) => (first.set('a', '1'), first.update('b', addOne)),
      (later) => (later.clear(), later.set('c', '3')),
    );
    expect(applied(log, { b: 1, d: 4 })).toEqual({ c: 3 });
  });

  it('keeps the clear of the earlier one', () => {
    const log = both(
      (first) => first.clear(),
      (later) => later.set('a', '1'),
    );
    expect(applied(log, { b: 1 })).toEqual({ a: 1 });
  });
});
