import { describe, expect, it } from '@jest/globals';

import { isSessionId, newSessionId } from '../../src/session/session-id.js';

describe('newSessionId', () => {
  it('returns 100,000 different canonical ids', () => {
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

  it('accepts an id', () => {
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

  it('accepts only one spelling of an id', () => {
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

function reencoded(id: string): string {
  return Buffer.from(id, 'base64url').toString('base64url');
}
