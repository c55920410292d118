import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Pool } from 'pg';

import { Session, SessionMonitor } from '../../src/index.js';
import { postgresMigration, postgresStore, type PostgresOptions } from '../../src/postgres.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { use, usePostgres } from '../support/hooks.js';
import type { Visitor } from '../support/http-client.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';
import { tcpProxy } from '../support/tcp-proxy.js';

@Controller()
class VisitsController {
  @Get('look')
  look(@Session() session: Session) {
    return { visits: (session.visits as number | undefined) ?? null };
  }

  @Post('visit')
  visit(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }
}

/** The timeout in milliseconds, with a tolerance for a busy machine. */
const PROMPT = 500 + 2_500;
/** The time for a recovery on a busy machine. */
const RECOVERY = 5_000;
const VISITORS = 20;

describe.each(PLATFORMS)('faults of Postgres, on %s', (platform) => {
  const postgres = usePostgres();
  const proxy = use(
    () => tcpProxy(postgres.port),
    (started) => started.close(),
  );
  const apps: SessionApp[] = [];

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  async function start(options: PostgresOptions = {}, clock?: TestClock): Promise<SessionApp> {
    const connectionString = `postgresql://postgres@127.0.0.1:${proxy.port}/postgres`;
    const stores = postgresStore({ connectionString, migrate: true, ...options });
    const controllers = [VisitsController];
    const app = await startSessionApp({
      ...{ platform, options: { stores }, controllers },
      ...(clock && { clock: clock.now }),
    });
    apps.push(app);
    return app;
  }

  async function crowd(app: SessionApp): Promise<Visitor[]> {
    const visitors = Array.from({ length: VISITORS }, () => app.visitor());
    for (const visitor of visitors) expect((await visitor.post('/visit')).status).toBe(201);
    return visitors;
  }

  const statuses = async (visitors: readonly Visitor[], path = '/look'): Promise<number[]> => {
    const answers = await Promise.all(visitors.map((visitor) => visitor.get(path)));
    expect(answers.flatMap(({ setCookies }) => setCookies)).toEqual([]);
    return [...new Set(answers.map(({ status }) => status))];
  };

  /** Waits until all visitors are served and their sessions are complete. */
  async function recovered(visitors: readonly Visitor[]): Promise<void> {
    for (const end = performance.now() + RECOVERY; ;) {
      const seen = await statuses(visitors);
      if (seen.every((status) => status === 200)) break;
      expect(seen.filter((status) => status !== 200)).toEqual([503]);
      expect(performance.now()).toBeLessThan(end);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const looks = await Promise.all(visitors.map((visitor) => visitor.get('/look')));
    expect(looks.map(({ json }) => json)).toEqual(Array(VISITORS).fill({ visits: 1 }));
  }

  it('crash and restart: 503 during the outage, and no session is lost', async () => {
    const app = await start();
    const visitors = await crowd(app);
    await postgres.kill();
    for (let round = 0; round < 3; round++) expect(await statuses(visitors)).toEqual([503]);
    await postgres.restart();
    await recovered(visitors);
    // One line for the begin and one for the end of the outage, and those for the responses.
    expect(app.logged.warnings.length + app.logged.errors.length).toBeLessThan(10);
  });

  it('closed connections: reads are repeated', async () => {
    const visitors = await crowd(await start());
    proxy.cut();
    await recovered(visitors);
  });

  it('refused connections: 503 at once, until they are accepted again', async () => {
    const visitors = await crowd(await start());
    await proxy.refuse(true);
    expect(await statuses(visitors)).toEqual([503]);
    const begun = performance.now();
    expect(await statuses(visitors)).toEqual([503]);
    expect(performance.now() - begun).toBeLessThan(PROMPT);
    await proxy.refuse(false);
    await recovered(visitors);
  });

  it('half-open connections are replaced after the first timeout', async () => {
    const visitors = await crowd(await start());
    proxy.vanish();
    await recovered(visitors);
  });

  it('a hung server: 503 within the timeout, and a recovery when it continues', async () => {
    const visitors = await crowd(await start());
    proxy.hang(true);
    const begun = performance.now();
    expect(await statuses(visitors)).toEqual([503]);
    expect(performance.now() - begun).toBeLessThan(PROMPT);
    proxy.hang(false);
    await recovered(visitors);
  });

  it('answers delayed by 150 ms: all requests succeed', async () => {
    const visitors = await crowd(await start());
    proxy.delay(150);
    expect(await statuses(visitors)).toEqual([200]);
    proxy.delay(0);
    await recovered(visitors);
  });

  it('a server that becomes a replica is not used, and is reported', async () => {
    const app = await start();
    const visitors = await crowd(app);
    const outside = new Pool({ connectionString: postgres.url });
    await outside.query('ALTER DATABASE postgres SET default_transaction_read_only = on');
    proxy.cut(); // the setting applies to new connections
    expect(await statuses(visitors)).toEqual([503]);
    const another = await start();
    const [report] = another.app.get(SessionMonitor).servers;
    expect(report).toMatchObject({ server: 'postgres' });
    expect(report!.problem).toContain('read-only');
    const options = '-c default_transaction_read_only=off';
    const writer = new Pool({ connectionString: postgres.url, options });
    await writer.query('ALTER DATABASE postgres RESET default_transaction_read_only');
    await Promise.all([outside.end(), writer.end()]);
    await recovered(visitors);
  });

  it('a missing table is reported with a remedy, and used after it was created', async () => {
    const table = `later_${platform}`;
    const app = await start({ table, migrate: false });
    expect((await app.visitor().post('/visit')).status).toBe(503);
    expect(app.logged.errors.join('\n')).toContain('postgresMigration()');
    const outside = new Pool({ connectionString: postgres.url });
    await outside.query(postgresMigration(table));
    await outside.end();
    const visitor = app.visitor();
    for (const end = performance.now() + RECOVERY; ;) {
      if ((await visitor.post('/visit')).status === 201) break;
      expect(performance.now()).toBeLessThan(end);
    }
    expect((await visitor.get('/look')).json).toEqual({ visits: 1 });
  });

  it('processes that start in parallel create one table', async () => {
    const table = `Made_at_once_${platform}`;
    const started = await Promise.all(Array.from({ length: 6 }, () => start({ table })));
    const answers = await Promise.all(started.map((app) => app.visitor().post('/visit')));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201));
  });

  it('clocks that differ by an hour end no session', async () => {
    const clocks = [new TestClock(), new TestClock()] as const;
    clocks[1].pass(3600);
    const [here, there] = [await start({}, clocks[0]), await start({}, clocks[1])];
    const visitors = await crowd(here);
    for (const app of [there, here, there]) {
      for (const visitor of visitors) {
        const same = app.visitor();
        same.cookie = visitor.cookie;
        expect((await same.get('/look')).json).toEqual({ visits: 1 });
      }
    }
  });
});
