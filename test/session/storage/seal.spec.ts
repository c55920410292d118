import { describe, expect, it } from '@jest/globals';

import { recordSeal } from '../../../src/session/storage/seal.js';

const OLD = 'an old secret of thirty-two chars';
const NEW = 'a new secret of thirty-two chars.';
const KEY = 'sess:DwBzhbb51LfusnSGBa_hqYSgo7-j8BTQnip4TOnlzRo';
const OTHER_KEY = 'sess:DwBzhbb51LfusnSGBa_hqYSgo7-j8BTQnip4TOnlzRp';
const RECORD = '[1,1763849999999,0,["visits",1,"name",6]]\n1"Zoë😀"';

describe.each<[string, string[]]>([
  ['without secrets', []],
  ['with a secret', [NEW]],
  ['with two secrets', [NEW, OLD]],
])('a record sealed %s', (_how, secrets) => {
  const seal = recordSeal(secrets);
  const sealed = seal.close(KEY, RECORD);

  it.each(['', RECORD, '\0\r\n', 'x'.repeat(100_000)])('opens unchanged', (record) => {
    expect(seal.open(KEY, seal.close(KEY, record))).toBe(record);
  });

  it('does not open with any bit flipped', () => {
    for (let at = 0; at < sealed.length; at++) {
      for (const flipped of flips(sealed[at]!)) {
        const changed = sealed.slice(0, at) + flipped + sealed.slice(at + 1);
        expect([at, seal.open(KEY, changed)]).toEqual([at, undefined]);
      }
    }
  });

  it('does not open if it is shortened or extended', () => {
    for (let length = 0; length < sealed.length; length++) {
      expect(seal.open(KEY, sealed.slice(0, length))).toBeUndefined();
      expect(seal.open(KEY, sealed.slice(sealed.length - length))).toBeUndefined();
    }
    for (const more of ['\n', ' ', '1', '=', '\0', sealed]) {
      expect(seal.open(KEY, sealed + more)).toBeUndefined();
      expect(seal.open(KEY, more + sealed)).toBeUndefined();
    }
  });

  it('does not open under another key', () => {
    expect(seal.open(OTHER_KEY, sealed)).toBeUndefined();
  });
});

describe('a record sealed with a secret', () => {
  it('shows nothing of its content', () => {
    const sealed = recordSeal([NEW]).close(KEY, RECORD);
    const bytes = Buffer.from(sealed.slice('e1:'.length), 'base64').toString('latin1');
    for (const part of ['visits', 'name', '1763849999999']) {
      expect(sealed).not.toContain(part);
      expect(bytes).not.toContain(part);
    }
  });

  it('is sealed differently each time, by a new nonce', () => {
    const seal = recordSeal([NEW]);
    const sealed = Array.from({ length: 1_000 }, () => seal.close(KEY, RECORD).slice(0, 19));
    expect(new Set(sealed).size).toBe(1_000);
  });

  it('opens with any order of secrets that include its own', () => {
    const sealed = recordSeal([OLD]).close(KEY, RECORD);
    expect(recordSeal([NEW, OLD]).open(KEY, sealed)).toBe(RECORD);
    expect(recordSeal([NEW]).open(KEY, sealed)).toBeUndefined();
  });

  it('is sealed with the first of several secrets', () => {
    const sealed = recordSeal([NEW, OLD]).close(KEY, RECORD);
    expect(recordSeal([NEW]).open(KEY, sealed)).toBe(RECORD);
    expect(recordSeal([OLD]).open(KEY, sealed)).toBeUndefined();
  });

  it('does not open without secrets, nor does a plain record with them (CVE-2026-39324)', () => {
    expect(recordSeal([]).open(KEY, recordSeal([NEW]).close(KEY, RECORD))).toBeUndefined();
    expect(recordSeal([NEW]).open(KEY, recordSeal([]).close(KEY, RECORD))).toBeUndefined();
    expect(recordSeal([NEW]).open(KEY, RECORD)).toBeUndefined();
  });
});

/** Each bit turned that leaves a character of the same width. */
function flips(character: string): string[] {
  const code = character.charCodeAt(0);
  return [0, 1, 2, 3, 4, 5, 6].map((bit) => String.fromCharCode(code ^ (1 << bit)));
}
