import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { pack, type Packed } from './packed.js';

/** Bytes: as large as it may get without anybody having decided so. */
const LARGEST = 90_000;

describe('the packed package', () => {
  let packed: Packed;

  beforeAll(async () => {
    packed = await pack();
  });

  afterAll(() => packed.remove());

  it('holds the built modules, their declarations, and what people read', () => {
    const kinds = packed.files.map((path) => path.replace(/^dist\/.*\.(js|d\.ts)$/, 'dist/*.$1'));
    expect([...new Set(kinds)].sort()).toEqual([
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'dist/*.d.ts', 'dist/*.js', 'package.json'],
    ]);
  });

  it('is small', () => {
    expect(packed.size).toBeLessThan(LARGEST);
  });

  it('exports the public names and nothing else', async () => {
    const names = Object.keys(await import('nestjs-session-manager'));
    expect(names.sort()).toEqual([
      ...['Session', 'SessionConflictError', 'SessionDestroyedError', 'SessionError'],
      ...['SessionManager', 'SessionModule', 'SessionOptionsError', 'SessionStoreError'],
      ...['SessionTooLargeError', 'SessionValueError', 'memcachedStore', 'sessionOf'],
    ]);
  });
});
