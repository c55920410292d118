import { afterAll, beforeAll, expect, it } from '@jest/globals';
import KeyvPostgres from '@keyv/postgres';
import { Keyv } from 'keyv';

import { startPostgres, type Postgres } from './postgres.js';

let postgres: Postgres;

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);

afterAll(() => postgres.stop());

it('starts a PostgreSQL that Keyv can use', async () => {
  const store = new Keyv({ store: new KeyvPostgres({ uri: postgres.url }) });
  await store.set('key', { value: 1 }, 60_000);
  expect(await store.get('key')).toEqual({ value: 1 });
  await store.disconnect();
});
