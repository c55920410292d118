import { sign } from 'cookie-signature';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { checkCookieOptions } from '../../src/http/cookie-options.js';
import { SessionCookie } from '../../src/http/cookie.js';
import { isSessionId } from '../../src/session/session-id.js';
import { FUZZ_TIMEOUT, fuzzRuns } from './fuzz-runs.js';

const SECRETS = [
  'the newer secret of more than 32 characters',
  'the older secret, of as many as that',
];
const plain = new SessionCookie(checkCookieOptions(), 1200);
const signed = new SessionCookie(checkCookieOptions(), 1200, SECRETS);

const id = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'));
const headerText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
});
const pieces = fc.constantFrom(
  ...['SID', '=', ';', ' ', '"', '%', '%00', 's:', 's%3A', 'j:', '{}', '.', ',', '\t', 'SID='],
);

/** A valid value, or a slightly changed one. */
const value = fc.oneof(
  { weight: 2, arbitrary: id },
  { weight: 2, arbitrary: id.map((one) => `s:${sign(one, SECRETS[0]!)}`) },
  { weight: 1, arbitrary: id.map((one) => `s:${sign(one, 'a secret that is none of them')}`) },
  { weight: 1, arbitrary: headerText },
);
const bent = fc
  .tuple(value, fc.nat(200), pieces)
  .map(([text, at, piece]) => text.slice(0, at) + piece + text.slice(at + 1));
const sent = fc.oneof(value, value.map(encodeURIComponent), bent, bent.map(encodeURIComponent));

const header = fc.oneof(
  headerText,
  fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
  fc
    .array(fc.tuple(fc.constantFrom('SID', 'sid', 'XSID', ' SID ', ''), sent), { maxLength: 4 })
    .map((pairs) => pairs.map(([name, text]) => `${name}=${text}`).join('; ')),
);

/** The values that a header gives a name, according to RFC 6265. */
function valuesOf(text: string): string[] {
  return text
    .split(';')
    .filter((pair) => pair.includes('=') && pair.slice(0, pair.indexOf('=')).trim() === 'SID')
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim());
}

function decoded(text: string): string {
  const bare = /^"(.*)"$/s.exec(text)?.[1] ?? text;
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare;
  }
}

describe('any Cookie header', () => {
  it(
    'gives an id without secrets only if its one value has the canonical form',
    () => {
      fc.assert(
        fc.property(header, (text) => {
          const { ticket, isAmbiguous } = plain.read(text);
          const values = new Set(valuesOf(text));
          expect(isAmbiguous).toBe(values.size > 1);
          const [only] = values.size === 1 ? [...values].map(decoded) : [];
          expect(ticket?.id).toBe(isSessionId(only) ? only : undefined);
        }),
        fuzzRuns(),
      );
    },
    FUZZ_TIMEOUT,
  );

  it(
    'gives an id with secrets only if one of them signed it',
    () => {
      fc.assert(
        fc.property(header, (text) => {
          const { ticket, isAmbiguous } = signed.read(text);
          const values = new Set(valuesOf(text));
          expect(isAmbiguous).toBe(values.size > 1);
          const [only = ''] = values.size === 1 ? [...values].map(decoded) : [];
          const named = only.slice(2, 45);
          const index = SECRETS.findIndex((secret) => only === `s:${sign(named, secret)}`);
          const expected =
            isSessionId(named) && index >= 0 ? { id: named, secret: index } : undefined;
          expect(ticket).toEqual(expected);
        }),
        fuzzRuns(),
      );
    },
    FUZZ_TIMEOUT,
  );

  it(
    'gives the id that was sent, beside any other cookies',
    () => {
      const company = fc
        .array(
          fc.tuple(fc.stringMatching(/^[A-Za-z]{1,8}$/), fc.stringMatching(/^[\w%.=-]{0,20}$/)),
        )
        .map((pairs) =>
          pairs.filter(([name]) => name !== 'SID').map(([name, text]) => `${name}=${text}`),
        );
      fc.assert(
        fc.property(id, company, company, fc.nat(1), (one, before, behind, secret) => {
          for (const [cookie, ticket] of [
            [plain, { id: one, secret: 0 }],
            [signed, { id: one, secret }],
          ] as const) {
            const [pair] = cookie.give(ticket, true).split(';');
            const { ticket: read } = cookie.read([...before, pair!, ...behind].join('; '));
            expect(read).toEqual(ticket);
          }
        }),
        fuzzRuns(0.25),
      );
    },
    FUZZ_TIMEOUT,
  );
});
