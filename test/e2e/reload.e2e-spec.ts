import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post } from '@nestjs/common';

import { Session } from '../../src/index.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

/** Seconds: memcached counts whole ones. */
const TOLERANCE = 1.5;

/** Milliseconds between two readings. */
const PAUSE = 2_600;

/** What a handler sends to the application while it runs, as another tab of its visitor. */
interface OtherTab {
  readonly url: string;
  readonly cookie: string;
  readonly path: string;
}

async function send({ url, cookie, path }: OtherTab): Promise<void> {
  await fetch(url + path, { method: 'POST', headers: { cookie } });
}

@Controller()
class ImportsController {
  @Post('begin')
  begin(@Session() session: Session) {
    session.set('step', 1).set('name', 'Ada');
  }

  @Post('cancel')
  cancel(@Session() session: Session) {
    session.set('isCancelled', true).set('step', 7);
  }

  @Post('sign-out')
  async signOut(@Session() session: Session) {
    await session.signOut();
  }

  /** A handler that takes long: it has changed something, and checks whether to continue. */
  @Post('run')
  async run(@Session() session: Session, @Body() other: OtherTab) {
    session.set('name', 'Grace');
    const before = session.toJSON();
    await send(other);
    const unread = session.toJSON();
    await session.reload();
    return { before, unread, after: session.toJSON() };
  }

  @Post('run-until-the-end')
  async runUntilTheEnd(@Session() session: Session, @Body() other: OtherTab) {
    await send(other);
    const code = await session.reload().catch((error: { code: string }) => error.code);
    return { code };
  }

  @Post('wait')
  async wait(@Session() session: Session) {
    const before = session.expiresAt;
    await delay(PAUSE);
    await session.reload();
    return { before, after: session.expiresAt };
  }

  @Post('poll')
  async poll(@Session({ touch: false }) session: Session, @Body() other: OtherTab) {
    const before = session.expiresAt;
    await delay(PAUSE);
    await send(other);
    await session.reload();
    return { before, after: session.expiresAt };
  }

  @Get()
  show(@Session({ touch: false }) session: Session) {
    return { entries: session.toJSON(), expiresAt: session.expiresAt };
  }
}

describe.each(PLATFORMS)('session.reload(), on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);
  const app = useSessionApp(() => ({
    platform,
    options: { memcached: wire.server, timeout: 60 },
    controllers: [ImportsController],
  }));

  async function begun() {
    const visitor = app.visitor();
    await visitor.post('/begin');
    const other = { url: app.url, cookie: visitor.cookie };
    return { visitor, other };
  }

  it('shows what another request has stored since, and keeps its own unsaved changes', async () => {
    const { visitor, other } = await begun();
    const { json } = await visitor.post('/run', { ...other, path: '/cancel' });
    expect(json).toEqual({
      before: { step: 1, name: 'Grace' },
      unread: { step: 1, name: 'Grace' },
      after: { step: 7, name: 'Grace', isCancelled: true },
    });
    expect((await visitor.get('/')).json.entries).toEqual(json.after);
  });

  it('needs one round trip', async () => {
    const { visitor, other } = await begun();
    wire.reset();
    await visitor.post('/run', { ...other, path: '/unknown' });
    expect(wire.commands.map(({ name }) => name)).toEqual(['mg', 'mg', 'cas']);
  });

  it('rejects if the session has ended', async () => {
    const { visitor, other } = await begun();
    const { json } = await visitor.post('/run-until-the-end', { ...other, path: '/sign-out' });
    expect(json).toEqual({ code: 'SESSION_DESTROYED' });
    expect((await visitor.get('/')).json.entries).toEqual({});
  });

  it.each([
    ['is renewed by it', '/wait', '/unknown', true],
    ['is read without renewal', '/poll', '/unknown', false],
    ['is read without renewal, and renewed by another request', '/poll', '/cancel', true],
  ])('keeps expiresAt true for a session that %s', async (_what, path, otherPath, isLater) => {
    const { visitor, other } = await begun();
    const { json } = await visitor.post(path, { ...other, path: otherPath });
    const { expiresAt } = (await visitor.get('/')).json;
    const secondsOf = (at: unknown) => Date.parse(String(at)) / 1000;
    expect(Math.abs(secondsOf(json.after) - secondsOf(expiresAt))).toBeLessThan(TOLERANCE);
    expect(secondsOf(json.after) - secondsOf(json.before) > TOLERANCE).toBe(isLater);
  });
});
