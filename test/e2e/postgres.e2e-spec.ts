import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Pool } from 'pg';

import { Session, type SessionModuleOptions } from '../../src/index.js';
import { postgresStore } from '../../src/postgres.js';
import { use, usePostgres } from '../support/hooks.js';
import { openOn, TABLE } from '../support/postgres-store.js';
import { PLATFORMS, startSessionApp, type Platform } from '../support/session-app.js';
import { at, CONTROLLERS, gates, signedIn, userOf } from './users-app.js';

@Controller()
class NotesController {
  @Get('untouched')
  untouched() {
    return 'no session here';
  }

  @Post('note')
  note(@Session() session: Session) {
    session.flash('notice', 'saved');
  }

  @Get('notes')
  async notes(@Session() session: Session) {
    return { notes: (await session.flash('notice')) ?? null };
  }
}

const SECRETS = { secrets: 'x'.repeat(32) };
const times = <T>(count: number, work: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => work(i)));

/** Records the first word of each statement on its connections. */
function noteStatements(pool: Pool): string[] {
  const statements: string[] = [];
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...asked: unknown[]) => unknown;
    client.query = ((...asked: unknown[]) => {
      const { text } = asked[0] as { text?: string };
      if (text) statements.push(text.split(/\s+/, 1)[0]!);
      return query(...asked);
    }) as never;
  });
  return statements;
}

describe.each(PLATFORMS)('sessions in Postgres, in two processes, on %s', (platform) => {
  const postgres = usePostgres();
  const start = (options: SessionModuleOptions = {}, on: Platform = platform) =>
    startSessionApp({
      platform: on,
      options: { stores: openOn(postgres), ...options },
      controllers: [...CONTROLLERS, NotesController],
    });
  const apps = use(
    async () => [await start(), await start()] as const,
    (started) => Promise.all(started.map((app) => app.close())),
  );

  beforeEach(() => {
    gates.length = 0;
  });

  it('parallel requests of one session lose nothing', async () => {
    const visitor = apps[0].visitor();
    await visitor.post('/visit');
    const answers = await times(60, (i) => at(apps[i % 2]!, visitor).post('/visit'));
    expect(answers.map(({ status }) => status)).toEqual(Array(60).fill(201));
    expect((await visitor.get('/me')).json).toMatchObject({ visits: 61 });
  });

  it('a sign-out is final, even with requests in flight', async () => {
    for (let round = 0; round < 15; round++) {
      const visitor = await signedIn(apps[0]);
      const there = at(apps[1], visitor);
      const [{ status }] = await Promise.all([
        at(apps[0], visitor).post('/sign-out'),
        ...[1, 2, 3, 4].map(() => there.post('/visit')),
      ]);
      expect(status).toBe(204);
      expect(await userOf(at(apps[1], visitor))).toBeNull();
    }
  });

  it('a request that read the session before its end does not restore it', async () => {
    const visitor = await signedIn(apps[0]);
    const held = at(apps[1], visitor).get('/held');
    while (gates.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await gates[0]!.reached;
    await at(apps[0], visitor).post('/sign-out');
    gates[0]!.release();
    await held;
    expect(await userOf(at(apps[0], visitor))).toBeNull();
  });

  it("a user's sessions are listed, and a sign-out everywhere takes effect in the other process", async () => {
    const [phone, laptop] = [await signedIn(apps[0], 'ada'), await signedIn(apps[1], 'ada')];
    const listed = (await laptop.get('/sessions')).json as { handle: string; isCurrent: boolean }[];
    const other = listed.find(({ isCurrent }) => !isCurrent)!;
    expect((await laptop.get('/sessions')).json).toHaveLength(listed.length);
    expect(await userOf(phone)).toBe('ada');
    await laptop.post('/password');
    expect(await userOf(phone)).toBeNull();
    expect(await userOf(laptop)).toBe('ada');
    expect(other.handle).toBeDefined();
  });

  it('the session limit is exact for parallel sign-ins', async () => {
    const limited = await Promise.all([
      start({ maxSessionsPerUser: 2 }),
      start({ maxSessionsPerUser: 2 }),
    ]);
    await times(8, (i) => signedIn(limited[i % 2]!, 'zoe'));
    expect((await limited[0].visitor().get('/admin/zoe')).json).toHaveLength(2);
    await Promise.all(limited.map((app) => app.close()));
  });

  it('a flash message is shown once', async () => {
    const visitor = apps[0].visitor();
    await visitor.post('/note');
    expect((await at(apps[1], visitor).get('/notes')).json).toEqual({ notes: 'saved' });
    expect((await visitor.get('/notes')).json).toEqual({ notes: null });
  });

  it('an unknown id opens no session, and a sign-in invalidates the old id', async () => {
    const visitor = apps[0].visitor();
    visitor.cookie = `SID=${'a'.repeat(43)}`;
    await visitor.post('/visit');
    expect(visitor.cookie).not.toContain('a'.repeat(43));
    const before = at(apps[1], visitor);
    await visitor.post('/sign-in/eve');
    expect((await before.get('/me')).json).toEqual({ user: null, visits: null });
    expect(await userOf(visitor)).toBe('eve');
  });

  it('the content of the table opens no session, and is encrypted with secrets', async () => {
    const secret = await start({ ...SECRETS, keyPrefix: 'sealed:' });
    const visitor = await signedIn(secret, 'grace-hopper');
    const pool = new Pool({ connectionString: postgres.url });
    const { rows } = await pool.query<{ key: string; data: string }>(
      `SELECT key, data FROM ${TABLE} WHERE key LIKE 'sealed:%'`,
    );
    await pool.end();
    expect(rows.length).toBeGreaterThan(0);
    const [, id] = /SID=s%3A([\w-]{43})/.exec(visitor.cookie)!;
    expect(JSON.stringify(rows)).not.toContain(id);
    expect(JSON.stringify(rows)).not.toContain('grace-hopper');
    await secret.close();
  });

  it('needs no round trip if unused, 1 to read and renew, 2 to write, 1 for a new session', async () => {
    const pool = new Pool({ connectionString: postgres.url });
    const statements = noteStatements(pool);
    const app = await start({ stores: postgresStore(pool) });
    const visitor = app.visitor();
    const of = async (work: Promise<unknown>): Promise<string[]> => {
      statements.length = 0;
      await work;
      return [...statements];
    };
    expect(await of(visitor.get('/untouched'))).toEqual([]);
    expect(await of(visitor.get('/me'))).toEqual([]);
    expect(await of(visitor.post('/visit'))).toEqual(['INSERT']);
    expect(await of(visitor.get('/me'))).toEqual(['WITH']);
    expect(await of(visitor.post('/visit'))).toEqual(['WITH', 'UPDATE']);
    expect(await of(visitor.post('/sign-out'))).toEqual(['WITH', 'DELETE']);
    await app.close();
    // The application's own pool stays open.
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  it('the log names the store at start', () => {
    expect(apps[0].logged.infos.join('\n')).toMatch(/Sessions are kept in postgres \(\d+/);
  });
});
