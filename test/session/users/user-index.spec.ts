import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  decodeIndex,
  encodeIndex,
  endingSessions,
  withoutSessions,
  withSession,
  type IndexedSession,
} from '../../../src/session/users/user-index.js';
import { decodeRecord } from '../../../src/session/session-record.js';

const text = fc.string({ unit: 'binary' });
const session: fc.Arbitrary<IndexedSession> = fc.record({
  ...{ handle: text, key: text, seenAt: fc.nat() },
  ...{ userAgent: fc.option(text, { nil: undefined }), ip: fc.option(text, { nil: undefined }) },
});
const index = fc.record({ sessions: fc.array(session), ending: fc.array(text) });

const one: IndexedSession = { handle: 'a', key: 'sess:a', seenAt: 1 };
const other: IndexedSession = { handle: 'b', key: 'sess:b', seenAt: 2, userAgent: 'x', ip: 'y' };

describe("a user's index", () => {
  it('is stored as documented', () => {
    expect(encodeIndex({ sessions: [one, other], ending: ['sess:c'] })).toBe(
      '[1,[["a","sess:a",1,null,null],["b","sess:b",2,"x","y"]],["sess:c"]]',
    );
  });

  it.each<[Partial<IndexedSession>, string]>([
    [{ from: 'sess:f' }, '"sess:f"'],
    [{ from: 'sess:f', beside: ['sess:g'] }, '"sess:f","sess:g"'],
    [{ beside: ['sess:g', 'sess:h'] }, 'null,"sess:g","sess:h"'],
  ])('has what only some sessions have behind what all have: %j', (more, text) => {
    const sessions = [{ ...one, ...more }];
    const encoded = encodeIndex({ sessions, ending: [] });
    expect(encoded).toBe(`[1,[["a","sess:a",1,null,null,${text}]],[]]`);
    expect(decodeIndex(encoded)).toEqual({ sessions, ending: [] });
  });

  it('comes back as it was', () => {
    fc.assert(fc.property(index, (it) => expect(decodeIndex(encodeIndex(it))).toEqual(it)));
  });

  it('is no session, and no session is one', () => {
    fc.assert(fc.property(index, (it) => expect(decodeRecord(encodeIndex(it))).toBeUndefined()));
    expect(decodeIndex('[1,1763849999999,0,["visits",1]]\n3')).toBeUndefined();
  });

  it.each([
    '',
    '{}',
    'null',
    '[1]',
    '[2,[],[]]',
    '[1,{},[]]',
    '[1,[],{}]',
    '[1,[],[1]]',
    '[1,[1],[]]',
    '[1,[["a"]],[]]',
    '[1,[["a","b",null,null,null]],[]]',
    '[1,[["a","b",1,2,null]],[]]',
  ])('is not %s', (stored) => {
    expect(decodeIndex(stored)).toBeUndefined();
  });

  it('takes a session in the place it had, or as the last', () => {
    const both = { sessions: [one, other], ending: [] };
    const moved = { ...one, key: 'sess:d' };
    expect(withSession(both, moved).sessions).toEqual([moved, other]);
    expect(withSession({ sessions: [one], ending: [] }, other).sessions).toEqual([one, other]);
  });

  it('lets sessions go, and remembers the keys of those that are being ended', () => {
    const both = { sessions: [one, other], ending: ['sess:c'] };
    expect(withoutSessions(both, new Set(['a']))).toEqual({
      sessions: [other],
      ending: ['sess:c'],
    });
    expect(endingSessions(both, [one])).toEqual({
      sessions: [other],
      ending: ['sess:c', 'sess:a'],
    });
  });
});
