import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { checksumSeal, recordSeal } from '../../src/session/storage/seal.js';
import { newSessionId } from '../../src/session/session-id.js';
import { decodeRecord, encodeRecord } from '../../src/session/storage/record-format.js';
import { SessionWorld } from '../support/session-world.js';
import { FUZZ_TIMEOUT, fuzzRuns } from './fuzz-runs.js';

const KEY = 'sess:the key of one session';
const OTHER = 'sess:the key of another one';
const sealed = recordSeal(['a secret of thirty-two characters or more']);

const named = fc.record(
  {
    user: fc.record({ id: fc.string(), handle: fc.string() }),
    more: fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
  },
  { requiredKeys: [] },
);

const record = fc
  .tuple(fc.nat(), fc.nat(), fc.dictionary(fc.string(), fc.jsonValue()), named)
  .map(([createdAt, cookieSentAt, entries, more]) => {
    const texts = Object.entries(entries).map(
      ([key, value]) => [key, JSON.stringify(value)] as const,
    );
    return encodeRecord({ createdAt, cookieSentAt, entries: new Map(texts), ...more });
  });

const strange = fc.constantFrom(
  ...[
    '-1',
    '1e999',
    'null',
    '0.5',
    '[]',
    '{}',
    '""',
    '9007199254740993',
    ',',
    '[',
    ']',
    '\n',
    '"__proto__"',
  ],
);

/** A text in which something was cut, put in, or put in place of something else. */
const mangle = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(text, fc.nat(400), fc.nat(6), fc.oneof(strange, fc.string({ maxLength: 4 })))
    .map(([whole, position, length, piece]) => {
      const at = position % (whole.length + 1);
      return whole.slice(0, at) + piece + whole.slice(at + length);
    });

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  mangle(record),
  mangle(mangle(record)),
  fc.json().map((json) => `${json}\n`),
  fc
    .tuple(
      fc.constantFrom([], [1], [2, 'session'], [2, 'forwarder'], [2, 'border'], [3, 'session']),
      fc.array(fc.anything()),
      fc.string(),
    )
    .map(([start, list, rest]) => `${jsonOf([...start, ...list])}\n${rest}`),
);

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '[1]';
  }
}

describe('any stored text', () => {
  it(
    'is decoded as a well-formed record, as a forwarder, or not at all',
    () => {
      let records = 0;
      fc.assert(
        fc.property(text, (stored) => {
          const decoded = decodeRecord(stored);
          if (!decoded) return;
          records++;
          if ('forwardTo' in decoded) {
            expect([typeof decoded.forwardTo, typeof decoded.until]).toEqual(['string', 'number']);
            return;
          }
          expect(Number.isFinite(decoded.createdAt) && Number.isFinite(decoded.cookieSentAt)).toBe(
            true,
          );
          const entries = [...decoded.entries].flat();
          expect(entries.filter((part) => typeof part !== 'string')).toEqual([]);
          expect(decoded.entries.has('__proto__')).toBe(false);
        }),
        fuzzRuns(),
      );
      expect(records).toBeGreaterThan(0);
    },
    FUZZ_TIMEOUT,
  );

  it.each([
    ['a checksum', checksumSeal],
    ['a secret', sealed],
  ])(
    'is refused with %s if a character or the key is changed',
    (_how, seal) => {
      fc.assert(
        fc.property(record, fc.nat(), fc.integer({ min: 1, max: 127 }), (plain, position, bits) => {
          const stored = seal.close(KEY, plain);
          expect(seal.open(KEY, stored)).toBe(plain);
          expect(seal.open(OTHER, stored)).toBeUndefined();
          const at = position % stored.length;
          const other = String.fromCharCode(stored.charCodeAt(at) ^ bits);
          const flipped = stored.slice(0, at) + other + stored.slice(at + 1);
          expect(seal.open(KEY, flipped)).toBeUndefined();
        }),
        fuzzRuns(),
      );
    },
    FUZZ_TIMEOUT,
  );

  it(
    'is refused with a secret if it was not sealed with it',
    () => {
      const sealedText = record.map((plain) => sealed.close(KEY, plain));
      const pair = sealedText.chain((whole) =>
        fc.tuple(fc.constant(whole), fc.oneof(mangle(fc.constant(whole)), text)),
      );
      fc.assert(
        fc.property(pair, ([whole, given]) => {
          if (given === whole) return;
          expect(sealed.open(KEY, given)).toBeUndefined();
          if (`e1:${given}` === whole) return;
          expect(sealed.open(KEY, `e1:${given}`)).toBeUndefined();
        }),
        fuzzRuns(0.5),
      );
    },
    FUZZ_TIMEOUT,
  );

  it(
    'is a session whose entries can all be read, or not a session',
    async () => {
      const world = new SessionWorld();
      const sealing = fc.boolean();
      await fc.assert(
        fc.asyncProperty(text, sealing, async (stored, isSealed) => {
          const id = newSessionId();
          const key = world.keyOf(id);
          if (isSealed) world.put(key, stored);
          else world.store.put(key, stored);
          const session = await world.find(id);
          for (const entry of session?.entries.keys() ?? []) session!.entries.get(entry);
          expect(session?.entries.hasChanges() ?? false).toBe(false);
          world.store.drop(key);
        }),
        fuzzRuns(0.5),
      );
    },
    FUZZ_TIMEOUT,
  );
});
