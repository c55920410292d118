import { describe, expect, it } from '@jest/globals';

import { isSessionId, newSessionId, storeKeyOf } from '../../src/session/session-id.js';

describe('newSessionId', () => {
  it('gives 100,000 canonical ids, no two alike', () => {
    const ids = Array.from({ length: 100_000 }, newSessionId);

    expect(ids.filter((id) => !isSessionId(id))).toEqual([]);
    expect(ids.filter((id) => reencoded(id) !== id)).toEqual([]);
    expect(new Set(ids).size).toBe(100_000);
  });

  it('holds 256 bits', () => {
    expect(Buffer.from(newSessionId(), 'base64url')).toHaveLength(32);
  });
});

describe('isSessionId', () => {
  const id = newSessionId();
  const twin = 'A'.repeat(42);

  it('takes an id', () => {
    expect(isSessionId(id)).toBe(true);
    expect(isSessionId(`${twin}A`)).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['one character less', id.slice(1)],
    ['one character more', `${id}A`],
    ['padding', `${id}=`],
    ['a line end behind it', `${id}\n`],
    ['a line end as its last character', `${twin}\n`],
    ['a blank before it', ` ${id.slice(1)}`],
    ['base64 instead of base64url', `+/${id.slice(2)}`],
    ['a NUL', `\0${id.slice(1)}`],
    ['a letter beyond ASCII', `é${id.slice(1)}`],
    ['a path', `../${id.slice(3)}`],
    ['the same bytes with stray bits', `${twin}B`],
  ])('refuses %s', (_what, candidate) => {
    expect(isSessionId(candidate)).toBe(false);
  });

  it('leaves one way only to write an id', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (const last of alphabet) {
      const candidate = twin + last;
      expect(isSessionId(candidate)).toBe(reencoded(candidate) === candidate);
    }
  });

  it.each([undefined, null, 5, true, [id], { id }, new String(id)])('refuses %p', (candidate) => {
    expect(isSessionId(candidate)).toBe(false);
  });
});

describe('storeKeyOf', () => {
  const id = newSessionId();

  it('is the prefix and a digest', () => {
    expect(storeKeyOf(id, 'sess:')).toMatch(/^sess:[A-Za-z0-9_-]{43}$/);
  });

  it('holds no part of the id', () => {
    const key = storeKeyOf(id, 'sess:');
    for (let at = 0; at + 8 <= id.length; at++) expect(key).not.toContain(id.slice(at, at + 8));
    expect(key.slice('sess:'.length)).not.toBe(id);
  });

  it('is the same for the same id, and another one for another', () => {
    expect(storeKeyOf(id, 'sess:')).toBe(storeKeyOf(id, 'sess:'));
    expect(storeKeyOf(newSessionId(), 'sess:')).not.toBe(storeKeyOf(id, 'sess:'));
  });

  it('is SHA-256, so that it is the same in the next release', () => {
    expect(storeKeyOf('A'.repeat(43), 'p:')).toBe('p:DwBzhbb51LfusnSGBa_hqYSgo7-j8BTQnip4TOnlzRo');
  });
});

function reencoded(id: string): string {
  return Buffer.from(id, 'base64url').toString('base64url');
}
