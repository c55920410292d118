import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

import { pack, type Packed } from './packed.js';

/** npm's own reading of ranges; ESLint and Jest bring it along, without types. */
const { satisfies } = createRequire(import.meta.url)('semver') as {
  satisfies: (version: string, range: string) => boolean;
};

/** Bytes: as large as the package may get. A larger number is a decision. */
const LARGEST = 410_000;

interface Manifest {
  readonly name: string;
  readonly repository: { readonly type: string; readonly url: string };
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: object;
  readonly peerDependenciesMeta: Record<string, { readonly optional?: boolean }>;
}

/** Versions that steal credentials as they are installed, of August 2026, each after a good one. */
const MALICIOUS = [
  { name: '@cacheable/utils', good: '2.5.0', bad: '2.5.1' },
  { name: 'cache-manager', good: '7.2.9', bad: '7.2.10' },
  { name: 'keyv', good: '5.6.0', bad: '6.0.0' },
];

const inRoot = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const isOf = (packages: string[], name: string): boolean =>
  packages.some((one) => name === one || name.startsWith(`${one}/`));

async function manifestOf(): Promise<Manifest> {
  return JSON.parse(await readFile(inRoot('package.json'), 'utf8')) as Manifest;
}

/** The packages that a built file imports, each with the file's name. */
async function importsOf(path: string): Promise<[string, string][]> {
  const { importedFiles } = ts.preProcessFile(await readFile(inRoot(path), 'utf8'));
  const names = importedFiles.map(({ fileName }) => fileName);
  return names.filter((name) => !/^(\.|node:)/.test(name)).map((name) => [path, name]);
}

describe('the packed package', () => {
  let packed: Packed;

  beforeAll(async () => {
    packed = await pack();
  });

  afterAll(() => packed.remove());

  it('holds the built modules, their declarations, and what people read', () => {
    const kinds = packed.files.map((path) =>
      path.replace(/^dist\/.*\.(js|d\.ts)$/, 'dist/*.$1').replace(/^docs\/.*\.md$/, 'docs/*.md'),
    );
    expect([...new Set(kinds)].sort()).toEqual([
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'dist/*.d.ts', 'dist/*.js'],
      ...['docs/*.md', 'package.json'],
    ]);
  });

  it('is small', () => {
    expect(packed.size).toBeLessThan(LARGEST);
  });

  it('imports what it declares, in its code and its types: no optional peer is needed', async () => {
    const manifest = await manifestOf();
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const needed = declared.filter((name) => !manifest.peerDependenciesMeta[name]?.optional);
    const built = packed.files.filter((path) => path.startsWith('dist/'));
    const imports = (await Promise.all(built.map(importsOf))).flat();
    const undeclared = imports.filter(([, name]) => !isOf(needed, name));
    // An application that imports `/terminus` or `/passport` has the library that it is for.
    const terminus = '@nestjs/terminus';
    expect(undeclared).toEqual([
      ['dist/passport/passport-session.module.js', 'passport'],
      ['dist/terminus.d.ts', terminus],
      ['dist/terminus.js', terminus],
    ]);
    expect(needed).not.toContain('@nestjs/websockets');
  });

  it('links to its repository as package.json names it', async () => {
    const { name, repository } = await manifestOf();
    // npm derives the homepage and the address for bugs from a repository on GitHub.
    expect(repository.url).toMatch(/^git\+https:\/\/github\.com\/[^/]+\/[^/]+\.git$/);
    const address = repository.url.slice('git+'.length, -'.git'.length);
    const pages = packed.files.filter((path) => path.endsWith('.md'));
    const texts = await Promise.all(pages.map((path) => readFile(inRoot(path), 'utf8')));
    const links = texts.join('\n').match(new RegExp(`https://github\\.com/[^/]+/${name}\\b`, 'g'));
    expect((links ?? []).filter((link) => link !== address)).toEqual([]);
  });

  it.each(MALICIOUS)('asks for $name $good, not for $bad', async ({ name, good, bad }) => {
    const range = (await manifestOf()).dependencies[name] ?? '*';
    expect([satisfies(good, range), satisfies(bad, range)]).toEqual([true, false]);
  });

  it('exports the public names and nothing else', async () => {
    const names = Object.keys(await import('nestjs-session-manager'));
    expect(names.sort()).toEqual([
      ...['AllowCrossSite', 'CrossSiteGuard', 'FreshSession', 'FreshSessionGuard'],
      ...['Session', 'SessionConflictError', 'SessionDestroyedError', 'SessionError'],
      ...['SessionLimitError', 'SessionManager', 'SessionModule', 'SessionMonitor'],
      ...['SessionOptionsError', 'SessionReadOnlyError', 'SessionStoreError'],
      ...[
        'SessionTooLargeError',
        'SessionValueError',
        'UserSessions',
        'cacheStore',
        'memcachedStore',
        'sessionOf',
      ],
    ]);
  });
});
