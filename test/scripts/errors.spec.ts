import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { SessionConflictError, SessionLimitError, SessionValueError } from '../../src/index.js';
import { DOCUMENTATION } from '../../src/session/documentation.js';

interface ErrorCode {
  readonly code: string;
  readonly className: string;
}

/** What the script makes of the comments, in a process of its own as it is no TypeScript. */
function made(): { readonly page: string; readonly codes: ErrorCode[] } {
  const script = `
    import { errorCodes, errorsReference } from './scripts/errors-reference.mjs';
    console.log(JSON.stringify({ page: errorsReference(), codes: errorCodes() }));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script]);
  return JSON.parse(output.toString()) as ReturnType<typeof made>;
}

describe('the codes of errors', () => {
  let page: string;
  let codes: ErrorCode[];

  beforeAll(() => {
    ({ page, codes } = made());
  });

  it('have a page made from their comments: `npm run docs` makes it anew', () => {
    expect(readFileSync('docs/reference/errors.md', 'utf8')).toBe(page);
  });

  it('are those that are used, and all of them', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('error-codes.ts'))
      .map((path) => readFileSync(join('src', path), 'utf8'));
    const used = sources.flatMap((text) => text.match(/(?<=')SESSION_[A-Z_]+(?=')/g) ?? []);
    const described = codes.map(({ code }) => code);
    expect([...new Set(used)].sort()).toEqual(described.sort());
  });

  it('name the class that has them', () => {
    const classes = readFileSync('src/session/errors.ts', 'utf8').split(/^export /m);
    const wrong = codes.filter(({ code, className }) => {
      const own = classes.find((text) => /^(abstract )?class/.test(text) && text.includes(code));
      const [, name] = /class (\w+)/.exec(own ?? '') ?? [];
      return name ? name !== className : !/^(SessionError|ForbiddenException)$/.test(className);
    });
    expect(wrong).toEqual([]);
  });

  it('have a heading each, to which the error and the end of its message lead', () => {
    const error = new SessionValueError('cart', 'a function cannot be stored');
    expect(error.help).toBe(`${DOCUMENTATION}reference/errors#session_value`);
    expect(error.message).toBe(`session.cart: a function cannot be stored. See ${error.help}`);
    expect(new SessionConflictError('Somebody was faster.').message).toBe(
      `Somebody was faster. Try again. See ${DOCUMENTATION}reference/errors#session_conflict`,
    );
    expect(page).toMatch(/^## SESSION_VALUE$/m);
  });

  it('but for the one whose message the user of the application reads', () => {
    expect(new SessionLimitError()).toMatchObject({
      message: 'You already have as many sessions as allowed. Sign out somewhere else first.',
      help: `${DOCUMENTATION}reference/errors#session_limit`,
    });
  });
});
