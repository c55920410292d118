import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Req } from '@nestjs/common';

import { Session, UserSessions } from '../../src/index.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { Gate } from '../support/gate.js';
import type { Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

/** Opens when the slow handler has begun. */
let gate: Gate;

type AnyRequest = IncomingMessage & { raw?: IncomingMessage };

/** What the handler that was given up had to say. */
let outcome: Promise<string>;

/** Until the client has gone. */
async function untilGone(request: AnyRequest): Promise<void> {
  const closed = once((request.raw ?? request).socket, 'close');
  gate.release();
  await closed;
}

@Controller()
class SlowController {
  @Get()
  all(@Session({ readOnly: true }) session: Session) {
    return session.toJSON();
  }

  @Get('write')
  write(@Session() session: Session) {
    session.first = true;
  }

  @Get('slow')
  async slow(@Session() session: Session, @Req() request: AnyRequest) {
    await untilGone(request);
    session.after = true;
    return 'nobody listens any more';
  }

  @Get('sign-in')
  async signIn(@Session() session: Session) {
    await session.signIn('ada');
  }

  @Get('sign-in-slowly')
  async signInSlowly(@Session() session: Session, @Req() request: AnyRequest) {
    const own = await session.signIn('ada');
    own.after = true;
    await untilGone(request);
  }

  @Get('do/:operation')
  async do(
    @Session() session: Session,
    @Req() request: AnyRequest,
    @Param('operation') operation: 'save' | 'regenerate' | 'signIn',
  ) {
    let tell!: (code: string) => void;
    outcome = new Promise((resolve) => (tell = resolve));
    await untilGone(request);
    session.after = true;
    await (operation === 'signIn' ? session.signIn('ada') : session[operation]()).then(
      () => tell('done'),
      ({ code }: { code: string }) => tell(code),
    );
  }
}

describe.each(PLATFORMS)('a response whose client has hung up, on %s', (platform) => {
  let memcached: Memcached;
  let app: SessionApp;
  let clock: TestClock;

  beforeEach(async () => {
    gate = new Gate();
    clock = new TestClock();
    memcached = await startMemcached();
    const cookie = { secure: false };
    const options = {
      ...{ memcached: memcached.server, rotateEvery: 1, rotateGrace: 2, cookie },
      ...{ maxSessionsPerUser: 1, whenTooMany: 'refuse' as const },
    };
    app = await startSessionApp({
      platform,
      options,
      controllers: [SlowController],
      clock: clock.now,
    });
  });

  afterEach(async () => {
    await app.close();
    await memcached.stop();
  });

  async function hangUp(path: string, { cookie }: Visitor): Promise<void> {
    const request = httpRequest(new URL(path, app.url), { headers: { cookie }, agent: false });
    request.on('error', () => undefined);
    request.end();
    await gate.pass();
    const hungUp = new Promise((resolve) => request.once('close', resolve));
    request.destroy();
    await hungUp;
  }

  /** Reads until it is there, because a client that has disconnected cannot see when its request ends. */
  async function isStored(key: string, entry: string): Promise<boolean> {
    for (let i = 0; i < 500; i++) {
      if ((await memcached.command(`get ${key}`)).includes(entry)) return true;
    }
    return false;
  }

  it("loses no new id: the client's cookie is still valid, and the next response has a new one", async () => {
    const visitor = app.visitor();
    await visitor.get('/write');
    const keys = await memcached.keys();
    clock.pass(1.2);
    await hangUp('/slow', visitor);
    expect(await isStored(keys[0]!, '"after"')).toBe(true);
    expect(await memcached.keys()).toEqual(keys);
    clock.pass(3);
    const next = await visitor.get('/write');
    expect(next.setCookies).toHaveLength(1);
    expect((await visitor.get('/')).json).toEqual({ first: true, after: true });
  });

  it.each(['regenerate', 'signIn'])('rotates no session: %s', async (operation) => {
    const visitor = app.visitor();
    await visitor.get('/write');
    const keys = await memcached.keys();
    await hangUp(`/do/${operation}`, visitor);
    expect(await outcome).toBe('SESSION_RESPONSE_BEGUN');
    expect(await memcached.keys()).toEqual(keys);
    expect((await visitor.get('/')).json).toMatchObject({ first: true });
  });

  it.each(['save', 'signIn'])('begins no session: %s', async (operation) => {
    await hangUp(`/do/${operation}`, app.visitor());
    expect(await outcome).toBe('SESSION_RESPONSE_BEGUN');
    expect(await memcached.keys()).toEqual([]);
  });

  it.each([true, false])(
    'leaves no user signed in whose new id was not sent: with a session before: %s',
    async (hasSession) => {
      const visitor = app.visitor();
      if (hasSession) await visitor.get('/write');
      await hangUp('/sign-in-slowly', visitor);
      const users = app.app.get(UserSessions);
      while ((await users.list('ada')).length > 0) await new Promise(setImmediate);
      const another = app.visitor();
      expect((await another.get('/sign-in')).status).toBe(200);
      expect(await users.list('ada')).toHaveLength(1);
    },
  );

  it('begins no session by a write', async () => {
    await hangUp('/slow', app.visitor());
    // An answer to another visitor, behind all that the handler began.
    await app.visitor().get('/write');
    expect(await memcached.keys()).toHaveLength(1);
  });
});
