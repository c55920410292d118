import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from '@jest/globals';

import { withSqlite } from '../../test/support/node-with-sqlite.js';
import { readConfig } from '../src/config.js';
import { welcome } from '../src/welcome.js';
import { basketOf, signIn, textOf, visitsOf } from './pages.js';
import { startAppWith } from './running-app.js';

withSqlite(
  'sample-app/test/restart',
  () => {
    it('keeps sessions over a restart without a server', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sample-'));
      const config = readConfig({ SESSIONS_FILE: join(folder, 'sessions.db') });
      let app = await startAppWith(config);
      const ada = app.newVisitor();
      await signIn(ada, 'Ada');
      await ada.post('/basket/bread/add');
      const visits = await visitsOf(ada);
      await app.stop();

      app = await startAppWith(config);
      const back = app.welcomeBack(ada);
      expect(await visitsOf(back)).toBe(visits + 1);
      const page = await textOf(back, '/');
      expect(page).toContain('signed in as Ada');
      expect(page).toContain('No server: sessions are in a file.');
      expect(await basketOf(back)).toBe(1);
      await app.stop();
      await rm(folder, { recursive: true });
    });

    it('does so by itself, and says where', () => {
      const config = readConfig({});
      expect(config.sessionsFile).toMatch(/sample-app\/sessions\.db$/);
      expect(welcome('http://localhost', config)).toContain(`sessions in ${config.sessionsFile}`);
    });

    it('prefers memcached', () => {
      const config = readConfig({ MEMCACHED_SERVERS: '127.0.0.1:11211' });
      expect(welcome('http://localhost', config)).toContain('sessions in 127.0.0.1:11211');
    });
  },
  'sample',
);
