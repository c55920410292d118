/*
 * `npm run bench:hot`: what a read of a session costs in the store, hot, in one process: `find` of the
 * session store over cache-manager and Keyv, next to the least client that reads the same records.
 *
 *   --quick         fewer rounds, done in some seconds
 *   --rounds <n>    how often each of them has its turn; default: 25
 *   --reads <n>     reads of a turn; default: 40000
 *   --out <folder>  where the results go; default: bench/results, with --quick: nowhere
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { createCache } from 'cache-manager';

import { memcachedStore } from '../src/store/memcached/store.js';
import { openSessionStore } from '../src/store/store.factory.js';
import { startMemcached } from '../test/support/memcached.js';
import { duel, type DuelPlan } from './measuring/duel.js';
import { LOAD_CORE, pin, SERVER_CORE } from './measuring/pinning.js';
import { count } from './options.js';
import { hotReadsReport, hotReadsTable } from './report/hot-reads-report.js';
import { surroundings } from './report/machine.js';
import { endProgress, progress } from './report/progress.js';
import { MiniClient } from './servers/mini-client.js';

const SESSIONS = 512;
const BYTES = 300;
const TIMEOUT_SECONDS = 1_200;

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    reads: { type: 'string' },
    out: { type: 'string' },
  },
});
const plan: DuelPlan = {
  rounds: count('rounds', given.rounds ?? (given.quick ? '7' : '25')),
  operations: count('reads', given.reads ?? (given.quick ? '20000' : '40000')),
  parallel: 32,
};

const memcached = await startMemcached({ args: ['-t', '1'] });
const keyv = memcachedStore(memcached.server);
const mini = new MiniClient(memcached.server);
try {
  pin(process.pid, SERVER_CORE);
  pin(memcached.pid, LOAD_CORE);
  const { store } = openSessionStore(createCache({ stores: [keyv] }), {
    keyPrefix: 'sess:',
    timeout: TIMEOUT_SECONDS,
    now: Date.now,
  });
  // As long as the keys of sessions are.
  const keys = Array.from({ length: SESSIONS }, (_, n) => `sess:${String(n).padStart(43, '0')}`);
  const text = 'x'.repeat(BYTES);
  for (const key of keys) await store.create(key, text, TIMEOUT_SECONDS);

  const check = (record: { readonly text: string } | undefined): void => {
    if (record?.text.length !== BYTES) throw new Error('A record is lost');
  };
  const rows = await duel(
    {
      mini: (turn) => mini.get(keys[turn % SESSIONS]!),
      find: (turn) => store.find(keys[turn % SESSIONS]!),
    },
    check,
    plan,
    progress,
  );
  endProgress();
  const report = hotReadsReport(plan, rows, surroundings(['cache-manager', 'keyv']));
  console.log(hotReadsTable(report));
  const folder = given.out ?? (given.quick ? undefined : 'bench/results');
  if (folder) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'hot-reads.json'), `${JSON.stringify(report, null, 2)}\n`);
    console.log(`\nWritten to ${folder}: hot-reads.json`);
  }
} finally {
  mini.close();
  await keyv.disconnect();
  await memcached.stop();
}
