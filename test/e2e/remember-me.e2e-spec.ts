import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post } from '@nestjs/common';

import { Session, UserSessions, type SessionTransportOption } from '../../src/index.js';
import { TestClock } from '../../src/testing.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

const DAY = 86_400;

@Controller()
class AccountController {
  constructor(private readonly users: UserSessions) {}

  @Post('sign-in')
  async signIn(@Session() session: Session, @Body() { remember }: { remember?: number | boolean }) {
    await session.signIn('7', { remember });
  }

  @Post('lifetime')
  give(@Session() session: Session, @Body() { lifetime }: { lifetime: number }) {
    session.set('name', 'Ada');
    session.lifetime = lifetime;
    session.persist = true;
  }

  @Get()
  show(@Session() session: Session) {
    const { userId, lifetime, persist } = session;
    return { userId: userId ?? null, lifetime, persist };
  }

  @Get('devices')
  devices() {
    return this.users.list('7');
  }
}

describe.each(PLATFORMS)('a remembered session, on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);
  const app = useSessionApp(() => ({
    platform,
    options: { memcached: wire.server },
    controllers: [AccountController],
  }));

  const lines = () =>
    wire.commands.map(({ line }) => line.replace(/sess:\S+/, 'KEY').replace(/ \d+ \d+$/, ''));

  async function signedIn(remember?: number | boolean) {
    const visitor = app.visitor();
    const { setCookies } = await visitor.post('/sign-in', { remember });
    await app.settled();
    await visitor.get('/');
    wire.reset();
    return { visitor, cookie: setCookies.join() };
  }

  it.each([
    [7 * DAY, 7 * DAY],
    [true, 30 * DAY],
    [400 * DAY, 30 * DAY],
  ])('has a cookie with its lifetime, and is listed: remember %s', async (remember, lifetime) => {
    const { visitor, cookie } = await signedIn(remember);
    expect(cookie).toContain(`Max-Age=${lifetime};`);
    expect((await visitor.get('/')).json).toMatchObject({ userId: '7', lifetime, persist: true });
    const { json } = await visitor.get('/devices');
    expect(json.at(-1) ?? json[0]).toBeDefined();
    expect(json).toContainEqual(expect.objectContaining({ lifetime, persist: true }));
  });

  it('needs one round trip to read, two to write, and one for its user’s index with a new lifetime', async () => {
    const { visitor } = await signedIn(7 * DAY);
    await visitor.get('/');
    expect(lines()).toEqual(['mg KEY k c v t']);
    wire.reset();
    await visitor.post('/lifetime', { lifetime: 7 * DAY });
    expect(wire.commands.map(({ name }) => name)).toEqual(['mg', 'cas', 'mg']);
    expect(wire.commands[1]?.line).toContain(` ${7 * DAY + 1} `);
  });

  it('adds no cost to sessions that are not remembered', async () => {
    const { visitor, cookie } = await signedIn();
    expect(cookie).not.toContain('Max-Age');
    await visitor.get('/');
    expect(lines()).toEqual(['mg KEY k c v T1201']);
  });

  it('gets a lifetime and a new id in one response', async () => {
    const visitor = app.visitor();
    await visitor.post('/lifetime', { lifetime: 60 });
    const { setCookies } = await visitor.post('/lifetime', { lifetime: DAY });
    expect(setCookies.join()).toContain(`Max-Age=${DAY};`);
    expect((await visitor.get('/')).json).toMatchObject({ lifetime: DAY, persist: true });
  });
});

const HEADER = 'x-session-id';

describe.each([
  ['the header alone', { header: HEADER }],
  ['cookie or header', ['cookie', { header: HEADER }]],
] as [string, SessionTransportOption][])('a client that sends its id in %s', (_name, transport) => {
  describe.each(PLATFORMS)('is remembered, on %s', (platform) => {
    const clock = new TestClock();
    const app = useSessionApp(() => ({
      ...{ platform, clock: clock.now, options: { transport } },
      controllers: [AccountController],
    }));

    /** Keeps the id like the client in docs/guides/header-clients.md. */
    function client() {
      let id = '';
      return async (method: string, path: string, body?: object) => {
        const headers = { [HEADER]: id };
        const response = await app.visitor().request(path, { method, body, headers });
        id = (response.headers[HEADER] as string | undefined) ?? id;
        expect(response.setCookies).toEqual([]);
        return { response, id };
      };
    }

    it('for its lifetime, which each use renews, and not longer', async () => {
      const send = client();
      const { id } = await send('POST', '/sign-in', { remember: 7 * DAY });
      for (let round = 0; round < 3; round++) {
        clock.pass(6 * DAY);
        const { response } = await send('GET', '/');
        expect(response.json).toMatchObject({ userId: '7', lifetime: 7 * DAY, persist: true });
      }
      // Scheduled rotation and the due renewal of a cookie may have given it another id.
      expect((await send('GET', '/')).id).toHaveLength(id.length);
      clock.pass(7 * DAY + 1);
      expect((await send('GET', '/')).response.json).toMatchObject({ userId: null });
    });

    it('by an id that is marked as remembered, which replaces the one it had', async () => {
      const send = client();
      const before = (await send('POST', '/sign-in', {})).id;
      const { id } = await send('POST', '/lifetime', { lifetime: DAY });
      expect(id).toMatch(/^--[\w-]{41}$/);
      expect(id).not.toBe(before);
      clock.pass(DAY - 1);
      expect((await send('GET', '/')).response.json).toMatchObject({ userId: '7', lifetime: DAY });
    });
  });
});
