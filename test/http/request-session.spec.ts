import { request as httpRequest } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { RequestSession } from '../../src/http/request-session.js';
import type { Session } from '../../src/session/session.js';
import { Gate } from '../support/gate.js';
import { visitor, type HttpResponse } from '../support/http-client.js';
import { sessionServer, type SessionServer } from '../support/session-server.js';
import { SessionWorld } from '../support/session-world.js';

describe("a request's session over HTTP", () => {
  let world: SessionWorld;
  let server: SessionServer;

  beforeEach(() => {
    world = new SessionWorld();
  });

  afterEach(() => server.close());

  /** The response, once its connection is done with. */
  async function get(cookie = ''): Promise<HttpResponse> {
    const closed = server.responseClosed();
    const response = await visitor(server.url).get('/', { headers: cookie ? { cookie } : {} });
    await closed;
    return response;
  }

  it('that is not used causes no operations and no headers', async () => {
    const id = await world.stored();
    world.store.calls.length = 0;
    server = await sessionServer(world, (_session, response) => response.end('ok'));
    const { headers } = await get(`SID=${id}`);
    expect(world.store.calls).toEqual([]);
    for (const name of ['set-cookie', 'cache-control', 'vary']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  it('that is written to sets a cookie, by which it is found', async () => {
    server = await sessionServer(world, async (request, response) => {
      const session = await request.load();
      session.visits = ((session.visits as number | undefined) ?? 0) + 1;
      response.end(String(session.visits));
    });
    const first = await get();
    expect(first.setCookies).toHaveLength(1);
    const second = await get(first.setCookies[0]!.split(';')[0]);
    expect([second.body, second.setCookies]).toEqual(['2', []]);
  });

  it('that is only read sets no cookie', async () => {
    server = await sessionServer(world, async (request, response) => {
      await request.load();
      response.end();
    });
    expect((await get()).setCookies).toEqual([]);
    expect(world.store.calls).toEqual([]);
  });

  describe('instructs caches', () => {
    const answering = (headers: Record<string, string | string[]>): Promise<SessionServer> =>
      sessionServer(world, async (request, response) => {
        await request.load();
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        response.end();
      });

    it('not to store the response, and that it depends on the cookie', async () => {
      server = await answering({});
      expect((await get()).headers).toMatchObject({ 'cache-control': 'no-store', vary: 'Cookie' });
    });

    it('as the handler does, if it sets headers', async () => {
      server = await answering({ 'Cache-Control': 'private' });
      expect((await get()).headers).toMatchObject({ 'cache-control': 'private' });
    });

    it.each([
      ['Origin', 'Origin, Cookie'],
      ['origin, COOKIE', 'origin, COOKIE'],
      ['*', '*'],
      ['X-Cookie', 'X-Cookie, Cookie'],
      [['Origin', 'Accept'], 'Origin,Accept, Cookie'],
    ])('beside an existing Vary: %s', async (given, sent) => {
      server = await answering({ Vary: given });
      expect((await get()).headers.vary).toBe(sent);
    });
  });

  it.each(['x', 'A'.repeat(44), 'j:{}', '%00', '../../etc', `${'A'.repeat(42)}B`])(
    'whose cookie is malformed (%p) is new, without a store operation',
    async (value) => {
      server = await sessionServer(world, async (request, response) => {
        response.end(String((await request.load()).isNew));
      });
      expect((await get(`SID=${value}`)).body).toBe('true');
      expect(world.store.calls).toEqual([]);
    },
  );

  describe('destroyed', () => {
    beforeEach(async () => {
      server = await sessionServer(world, async ({ manager }, response) => {
        await manager.destroy();
        response.end();
      });
    });

    it.each(['A'.repeat(43), 'malformed'])('clears the cookie that was sent: %s', async (value) => {
      expect((await get(`SID=${value}`)).setCookies).toEqual([
        expect.stringMatching(/^SID=; Max-Age=0; /),
      ]);
    });

    it('does not clear a cookie that was not sent', async () => {
      expect((await get()).setCookies).toEqual([]);
    });
  });

  describe('that cannot be stored', () => {
    const writing = (): Promise<SessionServer> =>
      sessionServer(world, async (request, response) => {
        (await request.load()).visits = 2;
        world.store.isDown = true;
        response.end('saved');
      });

    it('gives a 503 without a cookie; the outage is logged when it begins', async () => {
      server = await writing();
      const response = await get();
      expect(response).toMatchObject({ status: 503, setCookies: [] });
      expect(response.body).not.toContain('saved');
      expect(server.log).toEqual([]);
      expect(world.telemetry.counters.refused).toBe(1);
    });

    it('sends a new id that is valid nevertheless, also with the application’s own 503', async () => {
      const id = await world.stored({ visits: 1 });
      server = await sessionServer(world, async (request, response) => {
        const session = await request.load();
        await session.regenerate();
        session.visits = 2;
        world.store.isDown = true;
        response.statusCode = 503;
        response.end('our own page');
      });
      const { body, setCookies } = await get(`SID=${id}`);
      expect([body, setCookies]).toEqual(['our own page', [expect.stringMatching(/^SID=/)]]);
      world.store.isDown = false;
      expect(world.entriesOf(/^SID=([^;]+)/.exec(setCookies[0]!)![1]!)).toEqual({ visits: 1 });
    });

    it('does not send the id of a session that should end', async () => {
      server = await sessionServer(world, async (request, response) => {
        const session = await request.load();
        const own = await session.signIn('ada');
        world.store.isDown = true;
        await own.signOut().catch(() => undefined);
        response.end('not for you');
      });
      const { status, setCookies } = await get(`SID=${await world.stored()}`);
      expect([status, setCookies]).toEqual([503, []]);
    });

    it('is not stored later, as its client got an error', async () => {
      const id = await world.stored({ visits: 1 });
      server = await sessionServer(world, async (request, response) => {
        (await request.load()).increment('visits');
        world.store.isDown = true;
        response.once('finish', () => (world.store.isDown = false));
        response.end('saved');
      });
      expect((await get(`SID=${id}`)).status).toBe(503);
      await new Promise((resolve) => setImmediate(resolve));
      expect(world.entriesOf(id)).toEqual({ visits: 1 });
    });
  });

  it('that is read-only leaves rotation to a request that may write', async () => {
    world = new SessionWorld({ rotateEvery: 60 });
    const id = await world.stored();
    let access = { readOnly: true };
    server = await sessionServer(world, async (request, response) => {
      await request.load(access);
      response.end();
    });
    world.clock.pass(61);
    world.store.calls.length = 0;
    const read = await get(`SID=${id}`);
    expect([read.setCookies, world.store.calls]).toEqual([[], ['find']]);
    access = { readOnly: false };
    expect((await get(`SID=${id}`)).setCookies).toHaveLength(1);
  });

  it('stores changes after its response has closed', async () => {
    const id = await world.stored();
    let session!: Session;
    server = await sessionServer(world, async (request, response) => {
      session = await request.load();
      response.end();
    });
    await get(`SID=${id}`);
    world.store.calls.length = 0;
    session.late = 1;
    session.later = 2;
    await nextTurn();
    await nextTurn();
    expect(world.entriesOf(id)).toMatchObject({ late: 1, later: 2 });
    expect(world.store.calls).toHaveLength(1);
    session.latest = 3;
    await nextTurn();
    await nextTurn();
    expect(world.entriesOf(id)).toMatchObject({ later: 2, latest: 3 });
  });

  it('stores changes of a session that is first used after that', async () => {
    const id = await world.stored();
    let request!: RequestSession;
    server = await sessionServer(world, (session, response) => {
      request = session;
      response.end();
    });
    await get(`SID=${id}`);
    const session = await request.load();
    session.late = 1;
    await nextTurn();
    await nextTurn();
    expect(world.entriesOf(id)).toMatchObject({ late: 1 });
  });

  describe('with a value in an object that JSON does not keep', () => {
    const spoiling = (): Promise<SessionServer> =>
      sessionServer(world, async (request, response) => {
        const session = await request.load();
        session.cart ??= {};
        Object.assign(session.cart as object, { since: new Date() });
        response.end('saved');
      });

    it('gives a 500, and the process continues: new session', async () => {
      server = await spoiling();
      expect((await get()).status).toBe(500);
      expect(server.log).toEqual([expect.stringContaining('session.cart.since')]);
    });

    it('gives a 500, and the process continues: stored session', async () => {
      const id = await world.stored({ cart: {} });
      server = await spoiling();
      expect((await get(`SID=${id}`)).status).toBe(500);
      expect(world.entriesOf(id)).toEqual({ cart: {} });
      expect(server.log).toEqual([expect.stringContaining('session.cart.since')]);
    });

    it('causes no error after its client hung up', async () => {
      const id = await world.stored();
      const loaded = new Gate();
      server = await sessionServer(world, async (request) => {
        const session = await request.load();
        session.cart = { since: 1 };
        Object.assign(session.cart as object, { since: new Date() });
        void loaded.pass();
      });
      const closed = server.responseClosed();
      const headers = { cookie: `SID=${id}` };
      const request = httpRequest(server.url, { agent: false, headers });
      request.on('error', () => undefined).end();
      await loaded.reached;
      request.destroy();
      await closed;
      expect(server.log).toEqual([expect.stringContaining('session.cart.since')]);
    });
  });

  describe('changed after its response began', () => {
    it('is stored when the response ends, if it was stored before', async () => {
      const id = await world.stored({ visits: 1 });
      server = await sessionServer(world, async (request, response) => {
        const session = await request.load();
        response.write('a');
        session.visits = 2;
        response.end('b');
      });
      await get(`SID=${id}`);
      expect(world.entriesOf(id)).toEqual({ visits: 2 });
    });

    it('is not stored if it is new, and a warning is logged', async () => {
      server = await sessionServer(world, async (request, response) => {
        const session = await request.load();
        response.write('a');
        session.visits = 2;
        response.end('b');
      });
      expect((await get()).setCookies).toEqual([]);
      expect(world.store.keys).toEqual([]);
      expect(server.log).toEqual([expect.stringContaining('before the first byte')]);
    });
  });

  it('whose client hung up is stored nevertheless', async () => {
    const id = await world.stored({ visits: 1 });
    const loaded = new Gate();
    server = await sessionServer(world, async (request) => {
      (await request.load()).visits = 2;
      void loaded.pass();
    });
    const closed = server.responseClosed();
    const request = httpRequest(server.url, { agent: false, headers: { cookie: `SID=${id}` } });
    request.on('error', () => undefined).end();
    await loaded.reached;
    request.destroy();
    await closed;
    expect(world.entriesOf(id)).toEqual({ visits: 2 });
  });
});
