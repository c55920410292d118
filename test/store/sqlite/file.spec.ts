import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { sqliteStore } from '../../../src/sqlite.js';
import type { SqliteModule } from '../../../src/store/sqlite/driver.js';
import { withSqlite } from '../../support/node-with-sqlite.js';

const LIFE = 1000;

/** Holds the write lock of a file, like another process that writes. */
const HOLDER = `
const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
const database = new DatabaseSync(process.argv[1]);
database.exec('BEGIN IMMEDIATE');
process.send('locked');
setTimeout(() => { database.exec('COMMIT'); process.exit(); }, Number(process.argv[2]));
`;

withSqlite('test/store/sqlite/file.spec.ts', () => {
  describe('a file of sessions', () => {
    let folder: string;
    let path: string;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sqlite-'));
      path = join(folder, 'sessions.db');
    });

    afterEach(() => rm(folder, { recursive: true }));

    /** Starts a process that holds the write lock for this time. */
    async function lockFor(milliseconds: number): Promise<void> {
      const args = ['-e', HOLDER, path, String(milliseconds)];
      const holder = fork('', [], { execArgv: args });
      expect((await once(holder, 'message'))[0]).toBe('locked');
    }

    it('is readable by its user only, and outlives the process', async () => {
      const store = sqliteStore(path);
      await store.create('sess:a', 'text', LIFE);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      await store.close!();
      const next = sqliteStore(path);
      expect(await next.find('sess:a', 0)).toMatchObject({ text: 'text' });
      await next.close!();
    });

    it('can be read while another process writes, and written afterwards', async () => {
      const store = sqliteStore(path);
      await store.create('sess:a', 'first', LIFE);
      const { version } = (await store.find('sess:a', 0))!;
      await lockFor(300);
      const update = store.update('sess:a', 'second', version, LIFE);
      expect(await store.find('sess:a', 0)).toMatchObject({ text: 'first' });
      expect(await update).toBe('stored');
      await store.close!();
    });

    it('that stays locked causes an error within the timeout', async () => {
      const store = sqliteStore({ path, timeout: 100 });
      await store.create('sess:a', 'first', LIFE);
      await lockFor(3000);
      await expect(store.create('sess:b', 'text', LIFE)).rejects.toThrow('locked');
      await store.close!();
    });

    it('loses expired rows after a while', async () => {
      const store = sqliteStore({ path, cleanUpEvery: 1 });
      await store.create('sess:a', 'text', LIFE);
      const { DatabaseSync } = process.getBuiltinModule('node:sqlite' as never) as SqliteModule;
      const database = new DatabaseSync(path);
      database.exec('UPDATE nest_sessions SET expires_at = 1');
      expect(await store.find('sess:a', LIFE)).toBeUndefined();
      const rows = () => database.prepare('SELECT 1 FROM nest_sessions').all();
      while (rows().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
      database.close();
      await store.close!();
    });

    it('in a missing folder causes an error of the store', async () => {
      const store = sqliteStore(join(folder, 'nowhere', 'sessions.db'));
      await expect(store.find('sess:a', 0)).rejects.toThrow('unable to open database file');
    });
  });
});
