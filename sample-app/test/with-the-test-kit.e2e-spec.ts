import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { readSession, sessionCookie, TestSessions } from 'nestjs-session-manager/testing';

import { visitor } from '../../test/support/http-client.js';
import { AppModule } from '../src/app.module.js';
import { withPages } from '../src/create-app.js';

/** With memcached, which is not there: the test's own store is in its place. */
const CONFIG = { port: 0, memcachedServers: ['127.0.0.1:1'] };

const ADA = { userId: 'Ada', user: { name: 'Ada' } };

describe('with sessions that the test makes', () => {
  let sessions: TestSessions;
  let app: NestExpressApplication;
  let url: string;

  beforeEach(async () => {
    sessions = new TestSessions();
    const builder = Test.createTestingModule({ imports: [AppModule.with(CONFIG)] });
    const module = await sessions.into(builder).compile();
    app = withPages(
      module.createNestApplication<NestExpressApplication>({ logger: false }),
      CONFIG,
    );
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });

  afterEach(() => app.close());

  const get = (path: string, cookie: string) => visitor(url).get(path, { headers: { cookie } });
  const post = (path: string, cookie: string) =>
    visitor(url).post(path, undefined, { headers: { cookie } });

  it('shows members their page, without a form to sign in by', async () => {
    const { status, body } = await get('/members', await sessionCookie(app, ADA));
    expect(status).toBe(200);
    expect(body).toContain('You are <strong>Ada</strong>');
  });

  it('leaves in the session what was put into the basket', async () => {
    const cookie = await sessionCookie(app, { ...ADA, basket: { bread: 1 } });
    await post('/basket/bread/add', cookie);
    expect(await readSession(app, cookie)).toEqual({ ...ADA, basket: { bread: 2 } });
  });

  it('leaves no session behind at sign-out', async () => {
    const cookie = await sessionCookie(app, ADA);
    await post('/sign-out', cookie);
    expect(await readSession(app, cookie)).toBeUndefined();
  });

  it('forgets who does nothing for 20 minutes', async () => {
    const cookie = await sessionCookie(app, ADA);
    sessions.clock.pass(1199);
    expect((await get('/members', cookie)).status).toBe(200);
    sessions.clock.pass(1201);
    expect((await get('/members', cookie)).status).toBe(303);
  });

  it('counts a click again that another one has overtaken', async () => {
    const cookie = await sessionCookie(app, { basket: { bread: 1 } });
    sessions.store.conflict(2);
    expect((await post('/basket/bread/add', cookie)).status).toBe(303);
    expect(await readSession(app, cookie)).toMatchObject({ basket: { bread: 2 } });
  });

  it('shows products in an outage, without the user', async () => {
    const cookie = await sessionCookie(app, { basket: { bread: 1 } });
    sessions.store.fail();
    expect((await get('/products', cookie)).status).toBe(200);
    expect((await get('/basket', cookie)).status).toBe(503);
  });
});
