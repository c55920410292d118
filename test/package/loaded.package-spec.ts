import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { describe, expect, it } from '@jest/globals';

/** Tells the URL of each module that is loaded by `import`. */
const HOOK = `
import { writeSync } from 'node:fs';
export function load(url, context, next) {
  writeSync(1, url + '\\n');
  return next(url, context);
}
`;

/** Those of CommonJS that others load are in the cache. */
const PROGRAM = `
import { createRequire, register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOK)}));
await import('./dist/index.js');
const { cache } = createRequire(process.cwd() + '/package.json');
console.log(Object.keys(cache).join('\\n'));
`;

const run = promisify(execFile);

describe('the main entry point', () => {
  it('loads no part that has an entry point of its own, and no optional peer', async () => {
    const args = ['--input-type=module', '--eval', PROGRAM];
    const { stdout } = await run(process.execPath, args, { maxBuffer: 10_000_000 });
    const modules = stdout.split('\n');
    expect(modules.some((name) => name.endsWith('/dist/session.module.js'))).toBe(true);
    const others =
      /\/dist\/(express-session|passport|redis|postgres|sqlite|inspector|terminus|testing)[./]|\/dist\/store\/(redis|postgres|sqlite)\/|\/node_modules\/(passport|express-session|redis|@redis|ioredis|iovalkey|pg|@nestjs\/(graphql|terminus|websockets))\/|node:sqlite/;
    expect(modules.filter((name) => others.test(name))).toEqual([]);
  }, 60_000);
});
