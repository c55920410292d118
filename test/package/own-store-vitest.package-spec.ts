import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Consumer } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { storeExample } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const TIMEOUT = 300_000;

/** Vitest has no globals by default. */
const test = `
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { describeSessionStore } from 'nestjs-session-manager/testing';
import { SqlSessionStore } from './sql-session-store.js';

const file = join(tmpdir(), \`sessions-\${process.pid}.db\`);
const framework = { describe, it, beforeAll, afterAll };

describeSessionStore('SQL', () => new SqlSessionStore(file), { framework });
`;

describe('the tests of a store of one’s own, by Vitest', () => {
  let packed: Packed | undefined;
  let consumer: Consumer | undefined;

  beforeAll(async () => {
    packed = await pack();
    consumer = await Consumer.install({
      ...{ nest: 12, type: 'module', archive: packed.archive },
      tools: ['vitest@4', 'node-sqlite3-wasm@0.8'],
      sources: {
        'sql-session-store.ts': await storeExample('own-store', 'store'),
        'sql-session-store.test.ts': test,
      },
    });
  }, TIMEOUT);

  afterAll(async () => {
    await consumer?.remove();
    await packed?.remove();
  });

  it(
    'pass, and are type-checked',
    async () => {
      await consumer!.compile();
      const told = await consumer!.vitest();
      expect(Number(/Tests +(\d+) passed/.exec(told)?.[1])).toBeGreaterThan(25);
      expect(told).not.toContain('failed');
    },
    TIMEOUT,
  );
});
