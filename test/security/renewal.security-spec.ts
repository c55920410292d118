import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { Session, type SessionModuleOptions } from '../../src/index.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { useMemcached, useRecordingProxy } from '../support/hooks.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

const EVERY = 600;
const GRACE = 10;

@Controller()
class VisitsController {
  @Get()
  read(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('count')
  count(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }

  @Get('login')
  async login(@Session() session: Session) {
    await session.regenerate();
    session.user = 'Ada';
  }

  @Get('logout')
  async logout(@Session() session: Session) {
    await session.destroy();
  }
}

describe.each(PLATFORMS)('CS, renewal timeout: scheduled rotation of an id, on %s', (platform) => {
  const memcached = useMemcached();
  const proxy = useRecordingProxy(memcached);
  let clock: TestClock;
  let sessions: SessionApp;

  const start = async (options: SessionModuleOptions = {}): Promise<void> => {
    clock = new TestClock();
    sessions = await startSessionApp({
      platform,
      controllers: [VisitsController],
      options: {
        memcached: proxy.server,
        rotateEvery: EVERY,
        rotateGrace: GRACE,
        ...options,
      },
      clock: clock.now,
    });
  };

  beforeEach(() => start());

  afterEach(() => sessions.close());

  const signedIn = async () => {
    const visitor = sessions.visitor();
    await visitor.get('/count');
    return visitor;
  };

  it('gives a new one after that time, and the session continues', async () => {
    const visitor = await signedIn();
    const before = visitor.cookie;
    clock.pass(EVERY - 1);
    expect((await visitor.get('/')).setCookies).toEqual([]);
    clock.pass(1);
    expect((await visitor.get('/')).setCookies).toHaveLength(1);
    expect(visitor.cookie).not.toBe(before);
    expect((await visitor.get('/count')).json).toEqual({ visits: 2 });
  });

  it('adds two round trips, once', async () => {
    const visitor = await signedIn();
    clock.pass(EVERY);
    proxy.reset();
    await visitor.get('/');
    expect(proxy.commands.map(({ name }) => name)).toEqual(['mg', 'add', 'cas']);
    proxy.reset();
    await visitor.get('/');
    expect(proxy.commands.map(({ name }) => name)).toEqual(['mg']);
  });

  it('gives one new id to twenty parallel requests, and signs no user out', async () => {
    const visitor = await signedIn();
    clock.pass(EVERY);
    const tabs = Array.from({ length: 20 }, () => visitor.fork());
    const answers = await Promise.all(tabs.map((tab) => tab.get('/count')));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const told = answers.flatMap(({ setCookies }) => setCookies);
    expect(new Set(told).size).toBe(1);

    // All clients are in the same session, whether they received the new id or not.
    const counts = await Promise.all(tabs.map((tab) => tab.get('/')));
    expect(counts.map(({ json }) => json)).toEqual(Array(20).fill({ visits: 21 }));
    clock.pass(GRACE);
    visitor.cookie = told[0]!.split(';')[0]!;
    expect((await visitor.get('/')).json).toEqual({ visits: 21 });
  });

  it('keeps the old one valid for the grace period only', async () => {
    const visitor = await signedIn();
    const late = visitor.fork();
    const thief = visitor.fork();
    clock.pass(EVERY);
    await visitor.get('/');
    clock.pass(GRACE - 1);
    const answer = await late.get('/count');
    expect(answer.json).toEqual({ visits: 2 });
    expect(late.cookie).toBe(visitor.cookie);
    clock.pass(1);
    expect((await thief.get('/')).json).toEqual({});
    expect((await visitor.get('/')).json).toEqual({ visits: 2 });
  });

  it('gives no grace period to a sign-in or a sign-out', async () => {
    const visitor = await signedIn();
    clock.pass(EVERY);
    await visitor.get('/');
    const late = visitor.fork();
    await visitor.get('/login');
    expect((await late.get('/')).json).toEqual({});
    const tab = visitor.fork();
    await visitor.get('/logout');
    expect((await tab.get('/')).json).toEqual({});
  });

  it('moves a session to the newest secret', async () => {
    const [old, renewed] = [
      'an old secret of thirty-two chars',
      'a new secret of thirty-two chars.',
    ];
    await sessions.close();
    await start({ secrets: old });
    const visitor = await signedIn();
    const cookie = visitor.cookie;
    await sessions.close();
    await start({ secrets: [renewed, old] });
    clock.pass(EVERY);
    const back = sessions.visitor();
    back.cookie = cookie;
    expect((await back.get('/count')).json).toEqual({ visits: 2 });
    const after = back.cookie;
    await sessions.close();
    await start({ secrets: renewed });
    const still = sessions.visitor();
    still.cookie = after;
    expect((await still.get('/')).json).toEqual({ visits: 2 });
  });
});
