import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  awaitingDelivery,
  decodeIndex,
  encodeIndex,
  endingSessions,
  withDelivered,
  withoutSessions,
  withSession,
  type IndexedSession,
} from '../../../src/session/users/index-format.js';
import { decodeRecord } from '../../../src/session/storage/record-format.js';

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
      '[2,[["a","sess:a",1],["b","sess:b",2,{"userAgent":"x","ip":"y"}]],["sess:c"]]',
    );
  });

  it.each<[Partial<IndexedSession>, string]>([
    [{ from: 'sess:f' }, '{"from":"sess:f"}'],
    [{ from: 'sess:f', beside: ['sess:g'] }, '{"from":"sess:f","beside":["sess:g"]}'],
    [{ beside: ['sess:g', 'sess:h'] }, '{"beside":["sess:g","sess:h"]}'],
  ])('stores optional fields by name: %j', (more, text) => {
    const sessions = [{ ...one, ...more }];
    const encoded = encodeIndex({ sessions, ending: [] });
    expect(encoded).toBe(`[2,[["a","sess:a",1,${text}]],[]]`);
    expect(decodeIndex(encoded)).toEqual({ sessions, ending: [] });
  });

  it.each<[string, IndexedSession]>([
    ['["a","sess:a",1,null,null]', one],
    ['["b","sess:b",2,"x","y"]', other],
    ['["a","sess:a",1,null,null,"sess:f"]', { ...one, from: 'sess:f' }],
    ['["a","sess:a",1,null,null,null,"sess:g"]', { ...one, beside: ['sess:g'] }],
  ])('of version 1 is decoded: %s', (row, session) => {
    const index = decodeIndex(`[1,[${row}],["sess:c"]]`);
    expect(index).toEqual({ sessions: [session], ending: ['sess:c'] });
  });

  it('of a newer release is decoded, and keeps unknown fields', () => {
    const stored = '[3,[["a","sess:a",1,{"device":{"name":"phone"}}]],[],{"limit":7}]';
    const index = decodeIndex(stored)!;
    expect(index.sessions).toMatchObject([one]);
    const later = decodeIndex(
      encodeIndex(withSession(index, { ...index.sessions[0]!, seenAt: 9 })),
    );
    expect(later).toMatchObject({
      sessions: [{ ...one, seenAt: 9, more: { device: { name: 'phone' } } }],
      more: { limit: 7 },
    });
  });

  it('is decoded unchanged', () => {
    fc.assert(fc.property(index, (it) => expect(decodeIndex(encodeIndex(it))).toEqual(it)));
  });

  it('is not decoded as a session, and a session not as an index', () => {
    fc.assert(fc.property(index, (it) => expect(decodeRecord(encodeIndex(it))).toBeUndefined()));
    expect(decodeIndex('[2,"session",1763849999999,0,["visits",1]]\n3')).toBeUndefined();
  });

  it.each([
    '',
    '{}',
    'null',
    '[2]',
    '[0,[],[]]',
    '["2",[],[]]',
    '[2,{},[]]',
    '[2,[],{}]',
    '[2,[],[1]]',
    '[2,[1],[]]',
    '[2,[["a"]],[]]',
    '[2,[["a","b",null]],[]]',
    '[2,[["a","b",1,null]],[]]',
    '[2,[["a","b",1,{"userAgent":2}]],[]]',
    '[2,[["a","b",1,{"beside":["c",2]}]],[]]',
    '[1,[["a"]],[]]',
    '[1,[["a","b",null,null,null]],[]]',
    '[1,[["a","b",1,2,null]],[]]',
  ])('is not %s', (stored) => {
    expect(decodeIndex(stored)).toBeUndefined();
  });

  it('replaces a session in its place, or adds it at the end', () => {
    const both = { sessions: [one, other], ending: [] };
    const moved = { ...one, key: 'sess:d' };
    expect(withSession(both, moved).sessions).toEqual([moved, other]);
    expect(withSession({ sessions: [one], ending: [] }, other).sessions).toEqual([one, other]);
  });

  it('removes sessions, and keeps the keys of those being ended', () => {
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

  it('knows no more that an id has to be sent, however often that was noted', () => {
    let moving = awaitingDelivery(one, 'b', 1);
    for (const key of ['c', 'b']) moving = awaitingDelivery(moving, key, 2);
    expect(moving.undelivered).toEqual([
      ['c', 2],
      ['b', 2],
    ]);
    expect(withDelivered(moving, 'c').undelivered).toEqual([['b', 2]]);
    expect(withDelivered(moving, 'b').undelivered).toBeUndefined();
    expect(withDelivered(moving, 'd')).toEqual(moving);
  });
});
