import { readFile } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { Session, SessionMonitor, UserSessions, type SessionIdentity } from '../../src/index.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';
import { logSessions } from '../support/session-life-recipe.js';
import { storeKeyOf } from '../support/store-key.js';

@Controller()
class LifeController {
  @Get('visit')
  visit(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }

  @Get('read')
  read(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('new-id')
  async newId(@Session() session: Session) {
    await session.regenerate();
  }

  @Get('sign-in')
  async signIn(@Session() session: Session) {
    await session.signIn('ada');
  }

  @Get('sign-out')
  async signOut(@Session() session: Session) {
    await session.signOut();
  }
}

type Line = { event: string; previousHandle?: string; reason?: string } & SessionIdentity;

let log: Line[] = [];
logSessions((line) => log.push(line as Line));

describe.each(PLATFORMS)('the log of a session’s life, on %s', (platform) => {
  let memcached: Memcached;
  let app: SessionApp;
  let clock: TestClock;

  beforeEach(async () => {
    memcached = await startMemcached();
    clock = new TestClock();
    app = await startSessionApp({
      ...{ platform, controllers: [LifeController], clock: clock.now },
      options: {
        memcached: memcached.server,
        absoluteTimeout: 5000,
        timeout: 5000,
        rotateEvery: 600,
      },
    });
    log = [];
  });

  afterEach(async () => {
    await app.close();
    await memcached.stop();
  });

  const events = () => log.map(({ event, reason }) => (reason ? `${event} ${reason}` : event));
  const handles = () => [...new Set(log.map(({ handle }) => handle))];

  it('is written by the recipe of the documentation', async () => {
    const tried = await readFile(
      new URL('../support/session-life-recipe.ts', import.meta.url),
      'utf8',
    );
    const page = await readFile('docs/guides/metrics.md', 'utf8');
    expect(page).toContain(tried.replace("'../../src/index.js'", "'nestjs-session-manager'"));
  });

  it('has one handle for an anonymous session, through every new id', async () => {
    const visitor = app.visitor();
    await visitor.get('/visit');
    await visitor.get('/new-id');
    await visitor.get('/visit');
    clock.pass(600);
    await visitor.get('/read');
    await visitor.get('/new-id');
    await visitor.get('/visit');
    await visitor.get('/sign-out');
    expect(events().filter((event) => event !== 'loaded')).toEqual([
      ...['committed', 'regenerated requested', 'committed', 'regenerated scheduled'],
      ...['regenerated requested', 'committed', 'destroyed requested'],
    ]);
    expect(handles()).toHaveLength(1);
  });

  it('leads from the session before a sign-in to the one after, and to its end', async () => {
    const visitor = app.visitor();
    await visitor.get('/visit');
    await visitor.get('/sign-in');
    await visitor.get('/visit');
    const { handle } = (await app.app.get(UserSessions).list('ada'))[0]!;
    await app.app.get(UserSessions).revokeAll('ada');
    const [begun] = log;
    const signedIn = log.find(({ event }) => event === 'signed-in');
    expect(signedIn).toMatchObject({ handle, userId: 'ada', previousHandle: begun!.handle });
    expect(log.at(-1)).toMatchObject({
      event: 'destroyed',
      reason: 'revoked',
      handle,
      userId: 'ada',
    });
    expect(handles()).toEqual([begun!.handle, handle]);
  });

  it('shows a session past its absolute timeout, and one that was evicted', async () => {
    const [old, lost] = [app.visitor(), app.visitor()];
    await old.get('/sign-in');
    const { handle } = log.at(-1)!;
    clock.pass(5000);
    await old.get('/read');
    expect(log.find(({ event }) => event === 'expired')).toMatchObject({ handle, userId: 'ada' });
    await lost.get('/visit');
    const begun = log.at(-1)!;
    await memcached.flush();
    await lost.get('/read');
    expect(log.at(-1)).toMatchObject({ event: 'loaded', found: false, handle: begun.handle });
  });

  it('holds no id and no store key', async () => {
    const visitor = app.visitor();
    await visitor.get('/visit');
    await visitor.get('/sign-in');
    const [, id = ''] = /SID=([^;]+)/.exec(visitor.cookie ?? '') ?? [];
    const text = JSON.stringify(log);
    for (const part of [id.slice(0, 10), storeKeyOf(id).slice(5, 15)])
      expect(text).not.toContain(part);
    expect(app.app.get(SessionMonitor).counters['signed-in']).toBe(1);
  });
});
