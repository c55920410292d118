import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Param,
  Post,
  Query,
  Req,
  Session as NestSession,
  type INestApplication,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import {
  requestSession,
  type RequestSessionObject,
  type RequestSessionOptions,
} from '../../../src/express-session.js';
import { sessionOf } from '../../../src/index.js';
import { Gate } from '../../support/gate.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../../support/hooks.js';

interface WithSession {
  session: RequestSessionObject;
  sessionID: string;
}

let gate: Gate;

@Controller()
class AppController {
  @Get('untouched')
  untouched() {
    return 'hello';
  }

  @Get('show')
  show(@NestSession() session: RequestSessionObject) {
    return { ...session, cookie: undefined };
  }

  @Post('own/:name')
  own(@NestSession() session: RequestSessionObject, @Param('name') name: string) {
    session[name] = true;
  }

  @Post('slow')
  async slow(@Req() request: WithSession) {
    request.session.slow = true;
    await gate.pass();
  }

  @Post('slow-save')
  async slowSave(@Req() { session }: WithSession) {
    session.slow = true;
    await gate.pass();
    await session.save();
  }

  @Post('sign-out-late')
  async signOutLate(@Req() { session }: WithSession) {
    delete session.user;
    await gate.pass();
    await session.save();
    return 'signed out';
  }

  @Post('destroy')
  async destroy(@Req() request: WithSession) {
    await request.session.destroy();
    return typeof request.session;
  }

  @Post('regenerate')
  async regenerate(@Req() request: WithSession) {
    await request.session.regenerate();
    request.session.fresh = request.sessionID === request.session.id;
  }

  @Post('callback')
  callback(@Req() { session }: WithSession) {
    session.saved = true;
    return new Promise((resolve) => {
      session.save((error) => resolve({ error: (error as { code?: string } | undefined)?.code }));
    });
  }

  @Post('null')
  nothing(@Req() request: { session: unknown }) {
    request.session = null;
  }

  @Get('both')
  async both(@Req() request: WithSession, @Query('item') item: string) {
    const session = await sessionOf(request);
    request.session.cart = [];
    session.get<string[]>('cart')!.push(item);
    session.set('count', 1);
    return { cart: request.session.cart as string[], count: request.session.count as number };
  }
}

type Mount = (app: INestApplication, options?: RequestSessionOptions) => void;

const MOUNTS: [string, 'express' | 'fastify', Mount][] = [
  ['app.use() of Express', 'express', (app, options) => app.use(requestSession(options))],
  [
    'app.register() on Fastify',
    'fastify',
    (app, options) => void (app as NestFastifyApplication).register(requestSession(options)),
  ],
];

describe.each(MOUNTS)('request.session from %s', (_name, platform, mount) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);
  const app = useSessionApp(() => ({
    platform,
    controllers: [AppController],
    options: { memcached: wire.server },
    prepare: (one) => mount(one, { unset: 'destroy' }),
  }));

  beforeEach(() => {
    gate = new Gate();
  });

  async function visitorWith(name = 'user') {
    const visitor = app.visitor();
    await visitor.post(`/own/${name}`);
    return visitor;
  }

  it('keeps the entries that 60 parallel requests write', async () => {
    const visitor = await visitorWith();
    const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
    await Promise.all(names.map((name) => visitor.post(`/own/${name}`)));
    expect(Object.keys((await visitor.get('/show')).json as object).sort()).toEqual(
      [...names, 'user'].sort(),
    );
  });

  it('keeps a sign-out during a slow request', async () => {
    const visitor = await visitorWith();
    const cookie = visitor.cookie;
    const slow = visitor.post('/slow', undefined, { headers: { cookie } });
    await gate.reached;
    await visitor.post('/destroy');
    gate.release();
    await slow;
    expect((await visitor.get('/show', { headers: { cookie } })).json).toEqual({});
  });

  it('reports that an ended session was not saved', async () => {
    const visitor = await visitorWith();
    const cookie = visitor.cookie;
    const slow = visitor.post('/slow-save', undefined, { headers: { cookie } });
    await gate.reached;
    await visitor.post('/destroy');
    gate.release();
    expect((await slow).status).toBe(500);
  });

  it('lets two parallel sign-outs succeed', async () => {
    const visitor = await visitorWith();
    const cookie = visitor.cookie;
    const late = visitor.post('/sign-out-late', undefined, { headers: { cookie } });
    await gate.reached;
    await visitor.post('/destroy');
    gate.release();
    expect(await late).toMatchObject({ status: 201, body: 'signed out' });
  });

  it('changes the id, and ends the session with the old id', async () => {
    const visitor = await visitorWith();
    const before = visitor.cookie;
    await visitor.post('/regenerate');
    expect(visitor.cookie).not.toBe(before);
    expect((await visitor.get('/show')).json).toEqual({ fresh: true });
    expect((await visitor.get('/show', { headers: { cookie: before } })).json).toEqual({});
  });

  it('destroys the session', async () => {
    const visitor = await visitorWith();
    const cookie = visitor.cookie;
    expect((await visitor.post('/destroy')).body).toBe('undefined');
    expect((await visitor.get('/show', { headers: { cookie } })).json).toEqual({});
  });

  it("destroys the session with request.session = null and unset: 'destroy'", async () => {
    const visitor = await visitorWith();
    const cookie = visitor.cookie;
    await visitor.post('/null');
    expect((await visitor.get('/show', { headers: { cookie } })).json).toEqual({});
  });

  it('is the session that sessionOf() returns', async () => {
    const visitor = app.visitor();
    const answer = { cart: ['pear'], count: 1 };
    expect((await visitor.get('/both?item=pear')).json).toEqual(answer);
    expect((await visitor.get('/show')).json).toEqual(answer);
  });

  it('reads the store once with a session cookie, and never without', async () => {
    const visitor = await visitorWith();
    wire.reset();
    await app.visitor().get('/untouched');
    await app.visitor().get('/show');
    expect(wire.commands).toHaveLength(0);
    await visitor.get('/show');
    expect(wire.commands).toHaveLength(1);
  });

  it('adds no headers to a route that does not use the session', async () => {
    const visitor = await visitorWith();
    const { headers } = await visitor.get('/untouched');
    expect(Object.keys(headers)).not.toContain('vary');
    expect(Object.keys(headers)).not.toContain('cache-control');
  });

  it('answers 503 in an outage only to requests that use the session', async () => {
    const visitor = await visitorWith();
    await wire.refuse(true);
    wire.cut();
    expect((await visitor.get('/untouched')).status).toBe(200);
    expect((await visitor.get('/show')).status).toBe(503);
    // This visitor has no session, and cannot get one.
    const { status, setCookies } = await app.visitor().post('/callback');
    expect([status, setCookies]).toEqual([503, []]);
  });
});
