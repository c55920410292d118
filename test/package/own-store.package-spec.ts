import { afterAll, describe, expect, it } from '@jest/globals';

import { Consumer } from './consumer.js';
import { storeExample } from './readme-example.js';

/** Milliseconds; to compile and to test on a busy machine. */
const TIMEOUT = 180_000;

describe('a store of your own, by the example of its page', () => {
  let consumer: Consumer | undefined;

  afterAll(() => consumer?.remove());

  it(
    'passes the tests of the contract, by node:test',
    async () => {
      consumer = await Consumer.link({
        'sql-session-store.ts': await storeExample('own-store', 'store'),
        'sql-session-store.test.ts': await storeExample('own-store', 'test'),
      });
      await consumer.compile();
      const told = await consumer.nodeTests('sql-session-store.test.js');
      expect(told).toMatch(/^# fail 0$/m);
      expect(Number(/^# pass (\d+)$/m.exec(told)?.[1])).toBeGreaterThan(25);
    },
    TIMEOUT,
  );

  it('is as short as its page says: a store in about 60 lines', async () => {
    const code = await storeExample('own-store', 'store');
    expect(code.split('\n').length).toBeLessThan(75);
  });
});
