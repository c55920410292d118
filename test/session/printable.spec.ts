import { describe, expect, it } from '@jest/globals';

import { printable, printableStack } from '../../src/session/printable.js';
import { SessionEntries } from '../../src/session/entries.js';
import { SessionError, SessionOptionsError, SessionValueError } from '../../src/session/errors.js';
import { toJson } from '../../src/session/entry-value.js';

/** What could forge a line, move a cursor, or turn the direction of what follows. */
const HOSTILE = [
  ...['\n', '\r', '\r\n', '\t', '\0', '\b', '\x1b[2J', '\x7f', '\x85', '\x9b31m'],
  ...['\u2028', '\u2029', '\u200e', '\u200f', '\u061c', '\ufeff', '\u{e0001}', '\ud800', '\udc00x'],
  ...Array.from({ length: 5 }, (_, n) => String.fromCharCode(0x202a + n)),
  ...Array.from({ length: 4 }, (_, n) => String.fromCharCode(0x2066 + n)),
];
const UNFIT = /[\p{C}\p{Zl}\p{Zp}]/u;

describe('a text from outside', () => {
  it.each(HOSTILE)('is escaped: %j', (hostile) => {
    const shown = printable(`a${hostile}b`);
    expect(shown).not.toMatch(UNFIT);
    expect(shown).toMatch(/^a.*b$/);
  });

  it.each(['SERVER_ERROR out of memory', 'Zoë’s cart – 10 €', '日本語', '👍🏽', String.raw`C:\temp`])(
    'stays unchanged: %s',
    (text) => {
      expect(printable(text)).toBe(text);
    },
  );

  it('is shortened, but not within a character', () => {
    expect(printable('x'.repeat(1_000_000))).toBe(`${'x'.repeat(200)}…`);
    expect(printable('x'.repeat(200))).toBe('x'.repeat(200));
    expect(printable(`${'x'.repeat(199)}😀`)).toBe(`${'x'.repeat(199)}…`);
  });

  it.each([null, undefined, 5, Symbol('s'), {}, Object.create(null) as unknown])(
    'may be of any type: %p',
    (thing) => {
      expect(typeof printable(thing)).toBe('string');
    },
  );

  it("as an error's message leaves the lines of the stack intact", () => {
    const error = new Error('one\n    at forged (file.js:1:1)\n[Nest] LOG all is well');
    const [first, ...frames] = printableStack(error)!.split('\n');
    expect(first).toBe(String.raw`Error: one\n    at forged (file.js:1:1)\n[Nest] LOG all is well`);
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.join()).not.toContain('forged');
    expect(frames[0]).toMatch(/^ {4}at .*printable/);
  });
});

describe('errors', () => {
  const key = 'cart\n[Nest] 1 - LOG signed in \x1b[2J \u202e';
  const values: unknown[] = [new Date(), undefined, 5n, { [`a${key}`]: new Map() }];

  it('show names of entries escaped and shortened', () => {
    for (const name of [key, key.repeat(10_000), '\0flash:\n']) {
      for (const value of values) {
        const error = errorOf(() => toJson(name, value)) as SessionValueError;
        expect(error).toBeInstanceOf(SessionValueError);
        for (const text of [error.message, error.path]) {
          expect(text).not.toMatch(UNFIT);
          expect(text.length).toBeLessThanOrEqual(2001);
        }
      }
    }
    const entries = new SessionEntries(new Map());
    for (const name of ['__proto__', '\0flash:\r\n', key]) {
      const error = errorOf(() => {
        entries.set(name, 'x');
        entries.increment(name, Number.NaN);
      });
      expect((error as Error).message).not.toMatch(UNFIT);
    }
  });

  it('show options and their values escaped and shortened, too', () => {
    expect(new SessionOptionsError(key, key).message).not.toMatch(UNFIT);
    expect(new SessionOptionsError(key, 'x').option).not.toMatch(UNFIT);
  });

  it('with any message are one line of limited length', () => {
    const error = new SessionError('SESSION_VALUE', key.repeat(1000));
    expect(error.message).not.toMatch(UNFIT);
    expect(error.message.length).toBeLessThan(2200);
    expect(error.stack!.split('\n')[1]).toMatch(/^ {4}at /);
  });
});

function errorOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
