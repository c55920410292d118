import { readdir } from 'node:fs/promises';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { documentPaths, textOf } from './readme-example.js';

/** Where tests named without a folder are. */
const IMPLIED = ['', 'security/', 'fuzz/'];

/** The names in backquotes. */
const quotedIn = (text: string): string[] =>
  [...text.matchAll(/`([a-z][a-z\d/-]*)`/g)].map(([, name]) => name!);

/** What the last column of tables names, if that is headed `test`. */
function namedInTables(text: string): string[] {
  const named: string[] = [];
  let isOfTests = false;
  let isInTable = false;
  for (const line of text.split('\n')) {
    const last = line.startsWith('|') ? line.split('|').at(-2)! : undefined;
    if (last === undefined) isInTable = false;
    else if (!isInTable) [isInTable, isOfTests] = [true, last.trim() === 'test'];
    else if (isOfTests) named.push(...quotedIn(last));
  }
  return named;
}

describe('the tests that the documentation names', () => {
  /** Folders and files of tests, without the ends of their names. */
  let present: Set<string>;

  beforeAll(async () => {
    const paths = await readdir(new URL('../', import.meta.url), { recursive: true });
    present = new Set(paths.map((path) => path.replace(/\.([a-z\d]+-)?spec\.ts$/, '')));
  });

  const missing = (names: string[]): string[] =>
    names.filter((name) => !IMPLIED.some((folder) => present.has(`${folder}${name}`)));

  it('are there, by their paths', async () => {
    const texts = await Promise.all((await documentPaths()).map(textOf));
    const named = quotedIn(texts.join('\n')).filter((name) => name.startsWith('test/'));
    expect(named.length).toBeGreaterThan(5);
    expect(missing(named.map((name) => name.slice('test/'.length)))).toEqual([]);
  });

  it('are there, by the tables of docs/security.md', async () => {
    const named = namedInTables(await textOf('docs/security.md'));
    expect(named.length).toBeGreaterThan(80);
    expect(missing(named)).toEqual([]);
  });
});
