import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { SessionEntries } from '../../src/session/entries.js';
import {
  decodeRecord,
  encodeRecord,
  type SessionRecord,
} from '../../src/session/storage/record-format.js';
import { SessionValueError } from '../../src/session/errors.js';
import { FUZZ_TIMEOUT, fuzzRuns } from './fuzz-runs.js';

const REFUSED = ['__proto__', 'constructor', 'prototype'];

const key = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.constantFrom(...REFUSED, 'toString', 'then', '', 'id', '\n', '"', '\ud800'),
);

/** Where a record goes: to the store as UTF-8, and back. */
function throughTheStore(entries: SessionEntries): SessionEntries {
  const record = { createdAt: 1, cookieSentAt: 0, entries: entries.snapshot() };
  const text = Buffer.from(encodeRecord(record)).toString('utf8');
  return new SessionEntries((decodeRecord(text) as SessionRecord).entries);
}

describe('any value in a session', () => {
  it(
    'is restored unchanged under any key if JSON keeps it',
    () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(key, fc.jsonValue({ noUnicodeString: false }))), (pairs) => {
          const entries = new SessionEntries(new Map());
          const expected = new Map<string, unknown>();
          for (const [name, value] of pairs) {
            if (REFUSED.includes(name) || hasPrototypeKey(value)) {
              expect(() => entries.set(name, value)).toThrow(SessionValueError);
            } else {
              entries.set(name, value);
              expected.set(name, value);
            }
          }
          const back = throughTheStore(entries);
          expect([...back.keys()].sort()).toEqual([...expected.keys()].sort());
          for (const [name, value] of expected) {
            expect(back.get(name)).toEqual(JSON.parse(JSON.stringify(value)));
          }
        }),
        fuzzRuns(0.5),
      );
    },
    FUZZ_TIMEOUT,
  );

  it(
    'is restored unchanged or refused with its path',
    () => {
      const anything = fc.anything({
        ...{ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true },
        ...{ withSparseArray: true, withNullPrototype: true, withObjectString: true },
      });
      fc.assert(
        fc.property(anything, (value) => {
          const entries = new SessionEntries(new Map());
          try {
            entries.set('value', value);
          } catch (error) {
            expect(error).toBeInstanceOf(SessionValueError);
            expect((error as SessionValueError).path).toMatch(/^value/);
            expect(entries.size).toBe(0);
            return;
          }
          const back = throughTheStore(entries).get('value');
          // -0 is 0 to JSON, and an object without a prototype is one.
          expect(JSON.stringify(back)).toBe(JSON.stringify(value));
          expect(back).toEqual(value === undefined ? undefined : plain(value));
        }),
        fuzzRuns(),
      );
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
    FUZZ_TIMEOUT,
  );
});

function hasPrototypeKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasPrototypeKey);
}

/** The same value of plain objects, with 0 for -0. */
function plain(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
