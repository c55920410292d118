import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, it } from '@jest/globals';

import { useMemcached } from '../support/hooks.js';

/** Milliseconds; on a busy machine. */
const TIMEOUT = 60_000;

/** Prints the URL of each module that is loaded by `import`. */
const HOOK = `
import { writeSync } from 'node:fs';
export function load(url, context, next) {
  writeSync(1, url + '\\n');
  return next(url, context);
}
`;

/** Runs a program and returns the modules that it has loaded. Those of CommonJS that others load are in the cache. */
const loading = (program: string): string => `
import { createRequire, register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOK)}));
await import(${JSON.stringify(program)});
const { cache } = createRequire(process.cwd() + '/package.json');
console.log(Object.keys(cache).join('\\n'));
`;

const PLAIN_REQUESTS = fileURLToPath(new URL('../support/called-functions.mjs', import.meta.url));

/** Modules of what has an entry point of its own, and of clients. */
const OTHERS =
  /\/dist\/(express-session|passport|redis|postgres|sqlite|inspector|terminus|testing)[./]|\/dist\/store\/(redis|postgres|sql|sqlite)\/|\/node_modules\/(passport|express-session|redis|@redis|ioredis|iovalkey|pg)\/|node:sqlite/;

/** Nest loads its own by itself, as soon as an application starts. */
const OF_NEST = /\/node_modules\/@nestjs\/(graphql|terminus|websockets)\//;

/** This package's functions for features that an application may leave alone. */
const FEATURES = [
  // Remember me.
  /^store\/lazy-renewal|^session\/lifetime\S+ (lifetime|longest)|remember(?!Status)/i,
  // Reading without renewing, and reading again.
  /^session\/\S+ (peek|renew|reload|isThere)$/,
  // Freshness, and requests from other sites.
  /fresh|confirmSignIn|cross-site/i,
  // Sessions of express-session, passport, request.session.
  /adoption|foreign|preloaded|passport|migrat|^express-session/i,
  // Users, headers in place of cookies, the inspector.
  /^session\/users|^http\/header|inspector/,
];

const run = promisify(execFile);

async function linesOf(program: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const args = ['--input-type=module', '--eval', loading(program)];
  const settings = { maxBuffer: 10_000_000, env: { ...process.env, ...env } };
  const { stdout } = await run(process.execPath, args, settings);
  return stdout.split('\n');
}

function isModule(line: string): boolean {
  return /^(file:|node:|\/)/.test(line);
}

describe('the main entry point', () => {
  it(
    'loads no part that has an entry point of its own, and no optional peer',
    async () => {
      const modules = await linesOf('./dist/index.js');
      expect(modules.some((name) => name.endsWith('/dist/session.module.js'))).toBe(true);
      const others = modules.filter((name) => OTHERS.test(name) || OF_NEST.test(name));
      expect(others).toEqual([]);
    },
    TIMEOUT,
  );
});

describe.each(['express', 'fastify'])('an application that reads and writes, on %s', (PLATFORM) => {
  const memcached = useMemcached();

  it(
    'neither loads nor calls what it does not use',
    async () => {
      const lines = await linesOf(PLAIN_REQUESTS, { PLATFORM, MEMCACHED: memcached.server });
      expect(lines).toContain(JSON.stringify([{ items: 1 }, { items: 2 }]));
      expect(lines).toContain('session/lookup.js find');
      expect(lines).toContain('store/memcached/driver.js get');
      const [modules, calls] = [lines.filter(isModule), lines.filter((line) => !isModule(line))];
      expect(modules.filter((name) => OTHERS.test(name))).toEqual([]);
      expect(calls.filter((call) => FEATURES.some((one) => one.test(call)))).toEqual([]);
    },
    TIMEOUT,
  );
});
