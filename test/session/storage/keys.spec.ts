import { describe, expect, it } from '@jest/globals';

import { newSessionId } from '../../../src/session/session-id.js';
import { deriveKey, StoreKeys } from '../../../src/session/storage/keys.js';

const id = newSessionId();
const OLD = 'an old secret of thirty-two chars';
const NEW = 'a new secret of thirty-two chars.';

describe.each<[string, string[]]>([
  ['without secrets', []],
  ['with a secret', [NEW]],
])('a store key %s', (_which, secrets) => {
  const keys = new StoreKeys('sess:', secrets);
  const keyOf = (sessionId: string): string => keys.of({ id: sessionId, secret: 0 });

  it('is the prefix and a digest', () => {
    expect(keyOf(id)).toMatch(/^sess:[A-Za-z0-9_-]{43}$/);
  });

  it('holds no part of the id', () => {
    for (let at = 0; at + 8 <= id.length; at++)
      expect(keyOf(id)).not.toContain(id.slice(at, at + 8));
  });

  it('is the same for the same id, and differs between ids', () => {
    expect(keyOf(id)).toBe(keyOf(id));
    expect(keyOf(newSessionId())).not.toBe(keyOf(id));
  });
});

describe('store keys', () => {
  const ticket = { id: 'A'.repeat(43), secret: 0 };

  it('are the same in the next release', () => {
    expect(new StoreKeys('p:', []).of(ticket)).toBe(
      'p:DwBzhbb51LfusnSGBa_hqYSgo7-j8BTQnip4TOnlzRo',
    );
    expect(new StoreKeys('p:', ['s'.repeat(32)]).of(ticket)).toBe(
      'p:IorF2oF4_RCHWS2rKyG67cCOmWP9k9FuIKkCn_zRRFw',
    );
  });

  it('differ by secret', () => {
    const [plain, old, renewed] = [[], [OLD], [NEW]].map((secrets) =>
      new StoreKeys('sess:', secrets).of(ticket),
    );
    expect(new Set([plain, old, renewed]).size).toBe(3);
  });

  it('stay the same when a newer secret is added', () => {
    const before = new StoreKeys('sess:', [OLD]).of({ id, secret: 0 });
    expect(new StoreKeys('sess:', [NEW, OLD]).of({ id, secret: 1 })).toBe(before);
  });
});

describe('keys derived from a secret', () => {
  it('have 256 bits and differ by purpose', () => {
    const [forStore, forRecord] = [deriveKey(NEW, 'store key'), deriveKey(NEW, 'record')];
    expect([forStore.length, forRecord.length]).toEqual([32, 32]);
    expect(forStore.equals(forRecord)).toBe(false);
  });
});
