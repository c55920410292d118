import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Head, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { Request } from 'express';
import { Readable } from 'node:stream';

import { requestSession } from '../../../src/express-session.js';
import { checkCookieOptions } from '../../../src/http/cookie-options.js';
import { SessionOptionsError } from '../../../src/index.js';
import { useBoth, type Visit } from './both.js';

type AnyRequest = Request & { session: Request['session'] & Record<string, any> };

/** Waits for a callback, and returns whether it got an error. */
function fails(work: (done: (error?: unknown) => void) => unknown): Promise<boolean> {
  return new Promise((resolve) => work((error) => resolve(Boolean(error))));
}

const MARK = Symbol('mark');

@Controller()
class EdgesController {
  @Get('show')
  show(@Req() { session }: AnyRequest) {
    return session;
  }

  @Post('save-twice')
  async saveTwice(@Req() { session, sessionID }: AnyRequest) {
    session.count = 1;
    const both = [fails((done) => session.save(done)), fails((done) => session.save(done))];
    session.count = 2;
    return { failed: await Promise.all(both), sameId: session.id === sessionID };
  }

  @Post('after-destroy')
  async afterDestroy(@Req() request: AnyRequest) {
    const { session } = request;
    const failed = await fails((done) => session.destroy(done));
    session.late = true;
    return { failed, late: session.late, now: typeof request.session };
  }

  @Post('old-object')
  async oldObject(@Req() request: AnyRequest) {
    const { session: old } = request;
    old.before = 'kept';
    const failed = await fails((done) => old.regenerate(done));
    old.late = true;
    request.session.fresh = true;
    return {
      ...{ failed, old: [old.before, old.late], another: old !== request.session },
      ids: [request.sessionID === request.session.id, request.session.before === undefined],
    };
  }

  @Post('regenerate-twice')
  async regenerateTwice(@Req() request: AnyRequest) {
    const ids = [request.sessionID];
    for (let n = 0; n < 2; n++) {
      await fails((done) => request.session.regenerate(done));
      ids.push(request.sessionID);
    }
    request.session.fresh = true;
    return new Set(ids).size;
  }

  @Post('reload')
  async reload(@Req() request: AnyRequest) {
    request.session.unsaved = true;
    const failed = await fails((done) => request.session.reload(done));
    const { session, sessionID } = request;
    return { failed, session, sameId: session.id === sessionID };
  }

  /** Another request of this visitor stores something while this one is handled. */
  @Post('reload-after-others')
  async reloadAfterOthers(
    @Req() request: AnyRequest,
    @Body() { url, cookie }: { url: string; cookie: string },
  ) {
    request.session.count = 'unsaved';
    const answer = await fetch(`${url}/other`, { method: 'POST', headers: { cookie } });
    const before = { ...request.session };
    const failed = await fails((done) => request.session.reload(done));
    return { other: answer.status, failed, before, after: request.session };
  }

  @Post('other')
  other(@Req() { session }: AnyRequest) {
    session.count = 3;
    session.other = ['stored'];
  }

  @Post('odd-keys')
  oddKeys(@Req() { session }: AnyRequest) {
    session[MARK as unknown as string] = 'symbol';
    Object.defineProperty(session, 'computed', { get: () => 7, enumerable: true });
    session[''] = 'empty';
    session['with space'] = 1;
    session.list = [1, , undefined, [2]]; // eslint-disable-line no-sparse-arrays
    session.money = { toJSON: () => '3 EUR' };
    session.big = { value: 1e21, minus: -0, infinite: Infinity };
    return session[MARK as unknown as string];
  }

  @Post('integer-keys')
  integerKeys(@Req() { session }: AnyRequest) {
    session.name = 1;
    for (const key of ['10', '9', '-1', '01', '4294967294', '4294967295']) session[key] = key;
    session.last = 1;
    const looped: string[] = [];
    for (const key in session) if (Object.hasOwn(session, key)) looped.push(key);
    return { session, keys: Object.keys(session), spread: { ...session }, looped };
  }

  @Post('last')
  last(@Req() { session }: AnyRequest) {
    delete session.name;
    session.name = 2;
    return session;
  }

  /** What is named as a member of every object lasts as long as the request. */
  @Post('names-of-objects')
  namesOfObjects(@Req() { session }: AnyRequest) {
    session.kept = true;
    for (const key of ['constructor', 'toString', 'hasOwnProperty', 'valueOf']) session[key] = key;
    return session;
  }

  @Get('cookie')
  cookie(@Req() { session: { cookie } }: AnyRequest) {
    const { data, serialize } = cookie as any;
    return {
      ...{ data, json: (cookie as any).toJSON(), kind: typeof serialize },
      line: (cookie as any).serialize('name', 'a value'),
    };
  }

  @Post('no-expiry')
  noExpiry(@Req() { session: { cookie } }: AnyRequest) {
    cookie.maxAge = 60_000;
    (cookie as any).expires = false;
    // `false` there, `null` here.
    return [cookie.maxAge || null, cookie.originalMaxAge || null];
  }

  @Head('head')
  head(@Req() { session }: AnyRequest) {
    session.head = true;
  }

  @Get('not-modified')
  @HttpCode(304)
  notModified(@Req() { session }: AnyRequest) {
    session.seen = true;
  }

  @Get('redirect')
  redirect(@Req() { session }: AnyRequest, @Res() response: any) {
    session.seen = true;
    // Fastify's reply has the same method, with the arguments in another order.
    if ('raw' in response) response.redirect('/show', 302);
    else response.redirect(302, '/show');
  }

  @Get('stream')
  stream(@Req() { session }: AnyRequest, @Res() response: any) {
    session.seen = true;
    const stream = Readable.from(['a', 'b', 'c']);
    if ('raw' in response) response.send(stream);
    else stream.pipe(response);
  }
}

const VISITS: Record<string, Visit> = {
  async *'save() twice at once'(visitor) {
    yield await visitor.post('/save-twice');
    yield await visitor.get('/show');
  },
  async *'an object after destroy()'(visitor) {
    yield await visitor.post('/save-twice');
    yield await visitor.post('/after-destroy');
    yield await visitor.get('/show');
  },
  async *'the old object after regenerate()'(visitor) {
    yield await visitor.post('/save-twice');
    yield await visitor.post('/old-object');
    yield await visitor.get('/show');
  },
  async *'regenerate() twice'(visitor) {
    yield await visitor.post('/save-twice');
    yield await visitor.post('/regenerate-twice');
    yield await visitor.get('/show');
  },
  async *'reload()'(visitor) {
    yield await visitor.post('/save-twice');
    yield await visitor.post('/reload');
    yield await visitor.get('/show');
  },
  async *'reload() after another request'(visitor) {
    yield await visitor.post('/save-twice');
    const { baseUrl: url, cookie } = visitor;
    yield await visitor.post('/reload-after-others', { url, cookie });
    yield await visitor.get('/show');
  },
  async *'odd keys and values'(visitor) {
    yield await visitor.post('/odd-keys');
    yield await visitor.get('/show');
  },
  async *'keys that are integers, and their order'(visitor) {
    yield await visitor.post('/integer-keys');
    yield await visitor.get('/show');
    yield await visitor.post('/last');
    yield await visitor.get('/show');
  },
  async *'names of members of objects'(visitor) {
    yield await visitor.post('/names-of-objects');
    yield await visitor.get('/show');
  },
  async *"the cookie's data, and a line of it"(visitor) {
    yield await visitor.get('/cookie');
  },
  async *'expires = false'(visitor) {
    yield await visitor.post('/no-expiry');
  },
};

describe('edges of request.session, compared with express-session', () => {
  const both = useBoth({ controllers: [EdgesController] });

  it.each(Object.keys(VISITS))('gives the same answers: %s', async (name) => {
    const { ours, theirs, onFastify } = await both.answers(VISITS[name]!);
    expect(ours).toEqual(theirs);
    expect(onFastify).toEqual(theirs);
    expect(ours.map(({ status }) => status)).not.toContain(500);
  });

  it.each([
    ['HEAD', '/head', 200],
    ['GET', '/not-modified', 304],
    ['GET', '/redirect', 302],
    ['GET', '/stream', 200],
  ])('sets one cookie, for a session that is stored: %s %s', async (method, path, status) => {
    for (const app of both.all) {
      const visitor = app.visitor();
      const answer = await visitor.request(path, { method });
      expect([answer.status, answer.setCookies.length]).toEqual([status, 1]);
      expect(Object.keys((await visitor.get('/show')).json)).toHaveLength(2);
    }
  });
});

describe('options of express-session', () => {
  it.each<[string, unknown, RegExp]>([
    ['secret', ['new', 'old'], /give secrets to SessionModule/],
    ['store', {}, /give memcached or stores to SessionModule/],
    ['name', 'sid', /give cookie\.name to SessionModule/],
    ['cookie', () => ({ secure: 'auto' }), /give cookie and timeout to SessionModule/],
    ['rolling', true, /each use of a session renews it; for the cookie give cookie\.persistent/],
    ['resave', false, /only what has changed is stored/],
    ['saveUninitialized', false, /when it is first written to/],
    ['genid', () => 'id', /each id is 256 random bits/],
    ['proxy', true, /trust proxy/],
    ['unset', 'delete', /give 'keep' or 'destroy'/],
  ])('are refused at start, with the remedy: %s', (name, value, remedy) => {
    const start = () => requestSession({ [name]: value });
    expect(start).toThrow(SessionOptionsError);
    expect(start).toThrow(remedy);
  });

  it.each<[string, unknown, RegExp]>([
    ['maxAge', 1000, /give timeout, in seconds/],
    ['expires', new Date(0), /give timeout, in seconds/],
    ['originalMaxAge', 1000, /give timeout, in seconds/],
    ['overwrite', true, /leave it out/],
    ['encode', String, /leave it out/],
    ['httpOnly', false, /it is always true/],
    ['sameSite', true, /give 'lax', 'strict' or 'none'/],
    ['priority', 'highest', /give 'low', 'medium' or 'high'/],
  ])('are refused in the cookie of SessionModule: %s', (name, value, remedy) => {
    const start = () => checkCookieOptions({ [name]: value });
    expect(start).toThrow(SessionOptionsError);
    expect(start).toThrow(remedy);
  });

  it('are refused as a function of the request: cookie', () => {
    const cookie = (() => ({})) as unknown as object;
    expect(() => checkCookieOptions(cookie)).toThrow(/cookie: give an object/);
  });
});
